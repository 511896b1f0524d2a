"""One bit a weight: each kernel is plus or minus one size for each output channel.

In: a fresh tf_keras model and a way to fit it. Out: a model of the same layers whose
kernels hold two values a channel. In training the gradient passes the rounding as if
it were not there (Courbariaux et al., BinaryConnect, 2015); the size is the mean of
|w|, and the first and the last kernel stay as they are (Rastegari et al., XNOR-Net,
2016). A .tflite file has no one-bit type: it stores a byte a weight, -127 or 127,
which gzip packs to little more than a bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import tensorflow as tf
import tf_keras

from pipeline.compress.tfmot.fake_quant_layers import (
    Twin,
    able,
    fit_twins,
    is_depthwise,
    kernel_of,
)

Model = tf_keras.Model
Layer = tf_keras.layers.Layer


def binarize(model: Model, fit: Callable[[Model], Any]) -> Model:
    """Fine-tune with one-bit weights, then write them into plain layers."""
    return fit_twins(model, able(model), _twin, fit)


def one_bit(kernel: Any, depthwise: bool = False) -> tf.Tensor:
    """Sign times the mean of |w| of each output channel; the sign of 0 is plus.

    Args:
        kernel: `(..., in, out)`, or `(h, w, channels, 1)` of a depthwise layer.
    """
    axes = [0, 1] if depthwise else list(range(len(kernel.shape) - 1))
    size = tf.reduce_mean(tf.abs(kernel), axes, keepdims=True)
    return tf.where(kernel >= 0, size, -size)


def _twin(layer: Layer) -> Layer:
    class OneBit(Twin, type(layer)):
        def kept(self) -> tf.Tensor:
            return one_bit(kernel_of(self), is_depthwise(self))

        def used(self) -> tf.Tensor:
            full = kernel_of(self)
            return full + tf.stop_gradient(self.kept() - full)

    return OneBit.from_config(layer.get_config())
