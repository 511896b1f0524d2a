"""Twins of layers: they compute with coarse weights and learn with the full ones.

In: a fresh tf_keras model, the layers that get a twin, and a way to fit. Out: a model
of plain layers, whose kernels hold what the twins have learned.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.compress.tfmot.callbacks import is_kernel

KINDS = frozenset("Conv1D Conv2D Dense DepthwiseConv2D".split())
Model = tf_keras.Model
Layer = tf_keras.layers.Layer


def able(model: Model, kernels: str = "inner") -> list[str]:
    """Names of the layers that can have a twin.

    What reads one channel and looks at one place has a weight a channel: no kernel,
    but a list of factors, which the converter gives a scale each.

    Args:
        kernels: `all`, or those between the first and the last kernel.
    """
    found = [
        layer
        for layer in model.layers
        if any(np.ndim(weight) > 1 for weight in layer.get_weights())
    ]
    found = found if kernels == "all" else found[1:-1]
    return [
        each.name
        for each in found
        if type(each).__name__ in KINDS and is_kernel(kernel_of(each))
    ]


def is_depthwise(layer: Layer) -> bool:
    """Whether the kernel is `(h, w, channels, 1)`, not `(..., in, out)`."""
    return hasattr(layer, "depthwise_kernel")


def kernel_of(layer: Layer) -> tf.Variable:
    """The full weights of a layer of KINDS, or of its twin."""
    return getattr(layer, _attribute(layer))


class Twin:
    """What a twin's class has before the layer's own: `class Coarse(Twin, Dense)`.

    Attributes:
        used: what it computes with; gradients pass through it to the full weights.
    """

    used: Callable[[], tf.Tensor]

    def kept(self) -> tf.Tensor:
        """What the plain layer's kernel holds in the end."""
        return self.used()

    def call(self, inputs: Any) -> Any:
        """The layer's own call, with the coarse weights."""
        name, full, coarse = _attribute(self), kernel_of(self), self.used()
        # Past Keras's own attributes, which would count a new weight.
        object.__setattr__(self, name, coarse)
        try:
            return super().call(inputs)
        finally:
            object.__setattr__(self, name, full)


def fit_twins(
    model: Model,
    chosen: Collection[str],
    twin: Callable[[Layer], Layer],
    fit: Callable[[Model], Any],
) -> Model:
    """Fit the model with twins of the chosen layers; the same with plain layers.

    Args:
        twin: a layer of the model -> its twin, unbuilt; weights that it has besides
            come after the layer's own.
    """

    def clone(layer: Layer) -> Layer:
        return twin(layer) if layer.name in chosen else _same(layer)

    trained = tf_keras.models.clone_model(model, clone_function=clone)
    for layer in model.layers:
        _hand_over(layer, trained.get_layer(layer.name))
    fit(trained)
    plain = tf_keras.models.clone_model(model, clone_function=_same)
    for layer in plain.layers:
        source = trained.get_layer(layer.name)
        layer.set_weights(source.get_weights()[: len(layer.weights)])
        if layer.name in chosen:
            kernel_of(layer).assign(source.kept())
    return plain


def _attribute(layer: Layer) -> str:
    return "depthwise_kernel" if is_depthwise(layer) else "kernel"


def _same(layer: Layer) -> Layer:
    return type(layer).from_config(layer.get_config())


def _hand_over(source: Layer, made: Layer) -> None:
    """The source's weights, before what the twin has besides."""
    own = made.get_weights()
    made.set_weights([*source.get_weights(), *own[len(source.weights) :]])
