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

import numpy as np
import tensorflow as tf
import tf_keras

KERNELS = {
    "Conv1D": "kernel",
    "Conv2D": "kernel",
    "Dense": "kernel",
    "DepthwiseConv2D": "depthwise_kernel",
}
Model = tf_keras.Model
Layer = tf_keras.layers.Layer


def binarized(model: Model) -> list[str]:
    """Names of the layers that get one-bit weights: all between first and last."""
    able = with_kernel(model)
    inner = [each for each in able if each not in (able[0], able[-1])]
    return [each.name for each in inner if type(each).__name__ in KERNELS]


def binarize(model: Model, fit: Callable[[Model], Any]) -> Model:
    """Fine-tune with one-bit weights, then write them into plain layers."""
    chosen = set(binarized(model))
    twin = _clone(model, lambda layer: _twin(layer) if layer.name in chosen else None)
    fit(twin)
    plain = _clone(twin, lambda layer: _plain(layer, model))
    for layer in plain.layers:
        if layer.name in chosen:
            kernel = getattr(layer, KERNELS[type(layer).__name__])
            kernel.assign(one_bit(kernel, _depthwise(layer)))
    return plain


def one_bit(kernel: Any, depthwise: bool = False) -> tf.Tensor:
    """Sign times the mean of |w| of each output channel; the sign of 0 is plus.

    Args:
        kernel: `(..., in, out)`, or `(h, w, channels, 1)` of a depthwise layer.
    """
    axes = [0, 1] if depthwise else list(range(len(kernel.shape) - 1))
    size = tf.reduce_mean(tf.abs(kernel), axes, keepdims=True)
    return tf.where(kernel >= 0, size, -size)


def _twin(layer: Layer) -> Layer:
    """The layer, computing with one bit a weight and learning with all of them."""
    kind, name = type(layer), KERNELS[type(layer).__name__]

    class OneBit(kind):
        def call(self, inputs: Any) -> Any:
            full = getattr(self, name)
            rounded = one_bit(full, _depthwise(self))
            # Past Keras's own attributes, which would count a new weight.
            object.__setattr__(self, name, full + tf.stop_gradient(rounded - full))
            try:
                return super().call(inputs)
            finally:
                object.__setattr__(self, name, full)

    return OneBit.from_config(layer.get_config())


def _plain(layer: Layer, source: Model) -> Layer:
    return type(source.get_layer(layer.name)).from_config(layer.get_config())


def _clone(model: Model, change: Callable[[Layer], Layer | None]) -> Model:
    def clone(layer: Layer) -> Layer:
        return change(layer) or type(layer).from_config(layer.get_config())

    made = tf_keras.models.clone_model(model, clone_function=clone)
    made.set_weights(model.get_weights())
    return made


def _depthwise(layer: Layer) -> bool:
    return hasattr(layer, "depthwise_kernel")


def with_kernel(model: Model) -> list[Layer]:
    """The layers that hold a weight of two dimensions or more."""
    return [
        layer
        for layer in model.layers
        if any(np.ndim(weight) > 1 for weight in layer.get_weights())
    ]
