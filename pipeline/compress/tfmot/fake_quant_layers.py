"""Layers that compute with quantized kernels and learn full-precision ones.

In: a fresh tf_keras model, the names of the layers to quantize, and a function that
fits a model in place. Out: a model of plain layers with the quantized kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any, TypeAlias

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.layer_rules import LOW_BIT
from pipeline.compress.tfmot.callbacks import is_kernel

Model: TypeAlias = tf_keras.Model
Layer: TypeAlias = tf_keras.layers.Layer


def supported_layers(model: Model, kernels: str = "inner") -> list[str]:
    """List the layers whose kernels can be quantized.

    A layer that reads one channel at one position has a single weight per output
    channel: these are factors, not a kernel, and the converter scales each by itself.

    Args:
        model: a functional model.
        kernels: `all`, or `inner`: without the first and the last kernel.

    Returns:
        Names of layers in the order of the graph.
    """
    layers = [
        layer
        for layer in model.layers
        if any(np.ndim(weight) > 1 for weight in layer.get_weights())
    ]
    layers = layers if kernels == "all" else layers[1:-1]
    return [
        layer.name
        for layer in layers
        if type(layer).__name__ in LOW_BIT and is_kernel(kernel_of(layer))
    ]


def is_depthwise(layer: Layer) -> bool:
    """Return whether the kernel is `(h, w, channels, 1)`, not `(..., in, out)`."""
    return hasattr(layer, "depthwise_kernel")


def kernel_of(layer: Layer) -> tf.Variable:
    """Return the full-precision kernel of a layer of LOW_BIT."""
    return getattr(layer, _kernel_attribute(layer))


class FakeQuantLayer:
    """Mixin before a layer's class: `class Quantized(FakeQuantLayer, Dense)`.

    Attributes:
        quantized_kernel: returns the kernel that the layer computes with; gradients
            pass through it to the full-precision kernel.
    """

    quantized_kernel: Callable[[], tf.Tensor]

    def final_kernel(self) -> tf.Tensor:
        """Return the kernel of the plain layer after training."""
        return self.quantized_kernel()

    def call(self, inputs: Any) -> Any:
        """Run the layer's own `call` with the quantized kernel."""
        name, full = _kernel_attribute(self), kernel_of(self)
        quantized = self.quantized_kernel()
        # Bypass Keras's __setattr__, which would track a new weight.
        object.__setattr__(self, name, quantized)
        try:
            return super().call(inputs)  # type: ignore[misc]
        finally:
            object.__setattr__(self, name, full)


def fit_fake_quant(
    model: Model,
    layer_names: Collection[str],
    fake_quant: Callable[[Layer], Layer],
    fit: Callable[[Model], Any],
) -> Model:
    """Fit a model with some layers replaced by fake-quantized ones.

    Args:
        model: functional; it is not changed.
        layer_names: the layers to replace.
        fake_quant: layer -> its unbuilt fake-quantized layer; additional weights must
            come after the layer's own.
        fit: fits a model in place.

    Returns:
        A model of plain layers with the quantized kernels.
    """

    def clone(layer: Layer) -> Layer:
        return fake_quant(layer) if layer.name in layer_names else _plain_clone(layer)

    trained = tf_keras.models.clone_model(model, clone_function=clone)
    for layer in model.layers:
        _copy_weights(layer, trained.get_layer(layer.name))
    fit(trained)
    plain = tf_keras.models.clone_model(model, clone_function=_plain_clone)
    for layer in plain.layers:
        source = trained.get_layer(layer.name)
        layer.set_weights(source.get_weights()[: len(layer.weights)])
        if layer.name in layer_names:
            kernel_of(layer).assign(source.final_kernel())
    return plain


def _kernel_attribute(layer: Layer) -> str:
    return "depthwise_kernel" if is_depthwise(layer) else "kernel"


def _plain_clone(layer: Layer) -> Layer:
    return type(layer).from_config(layer.get_config())


def _copy_weights(source: Layer, target: Layer) -> None:
    """Copy the source's weights; additional weights of the target stay."""
    initial = target.get_weights()
    target.set_weights([*source.get_weights(), *initial[len(source.weights) :]])
