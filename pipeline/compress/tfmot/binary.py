"""Binary weights: each kernel is plus or minus one magnitude per output channel.

In: a fresh tf_keras model and a function that fits a model in place. Out: a model of
the same layers whose kernels hold two values per channel.

In training the gradient passes the sign unchanged, a straight-through estimator
(Courbariaux et al., BinaryConnect, 2015); the magnitude is the mean of |w|, and the
first and the last kernel stay unchanged (Rastegari et al., XNOR-Net, 2016). A .tflite
file has no one-bit type: it stores one byte per weight, -127 or 127, which gzip
compresses to little more than one bit.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import tensorflow as tf
import tf_keras

from pipeline.compress.tfmot.fake_quant_layers import (
    FakeQuantLayer,
    fit_fake_quant,
    is_depthwise,
    kernel_of,
    supported_layers,
)

Model: TypeAlias = tf_keras.Model
Layer: TypeAlias = tf_keras.layers.Layer


def binarize(model: Model, fit: Callable[[Model], Any]) -> Model:
    """Fine-tune with binary kernels, then write them into plain layers.

    Args:
        model: functional model as the bridge or an earlier technique made it.
        fit: fits a model in place.

    Returns:
        A new model of plain layers with binary kernels.
    """
    return fit_fake_quant(model, supported_layers(model), _binary_layer, fit)


def binarize_kernel(kernel: Any, depthwise: bool = False) -> tf.Tensor:
    """Return the sign times the mean of |w| per output channel; the sign of 0 is plus.

    Args:
        kernel: float32 `(..., in, out)`, or `(h, w, channels, 1)` of a depthwise layer.
        depthwise: whether the kernel is of a depthwise layer.

    Returns:
        A tensor of the kernel's shape.
    """
    axes = [0, 1] if depthwise else list(range(len(kernel.shape) - 1))
    magnitude = tf.reduce_mean(tf.abs(kernel), axes, keepdims=True)
    return tf.where(kernel >= 0, magnitude, -magnitude)


def _binary_layer(layer: Layer) -> Layer:
    class BinaryLayer(FakeQuantLayer, type(layer)):  # type: ignore[misc]
        def final_kernel(self) -> tf.Tensor:
            return binarize_kernel(kernel_of(self), is_depthwise(self))

        def quantized_kernel(self) -> tf.Tensor:
            full = kernel_of(self)
            return full + tf.stop_gradient(self.final_kernel() - full)

    return BinaryLayer.from_config(layer.get_config())
