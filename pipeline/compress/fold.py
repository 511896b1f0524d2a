"""Normalizations and activations folded into the layers before them.

In: a Keras 3 model. Out: an equal one with fewer layers.

What is clustered afterwards stays clustered: the converter would multiply each
channel of a normalized layer by a number of its own. And where a ReLU is a layer of
its own, tfmot trains the layer before it with weights that are not quantized.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from pipeline.compress.graph import copy_of, functional_graph, regraph

# Kernel axes of the output channels, by class.
FOLDABLE = {"Conv1D": -1, "Conv2D": -1, "Dense": -1, "DepthwiseConv2D": 2}


def fold(model: keras.Model) -> keras.Model:
    """The same function without the normalizations that follow a linear layer.

    Args:
        model: functional or Sequential; it is not changed.
    """
    pairs = _pairs(model, _norm)
    norms = {id(norm) for norm in pairs.values()}
    by_id = {id(layer): norm for layer, norm in pairs.items()}
    made: list[tuple[Any, Any]] = []

    def make(layer: Any) -> Any:
        if id(layer) in norms:
            return lambda x, **_: x
        copy = _with(layer, use_bias=True) if id(layer) in by_id else copy_of(layer)
        made.append((layer, copy))
        return copy

    folded = regraph(model, make)
    for layer, copy in made:
        if id(layer) in by_id:
            copy.set_weights(_folded(layer, by_id[id(layer)]))
        elif copy is not layer:
            copy.set_weights(layer.get_weights())
    return folded


def join_activations(model: keras.Model) -> keras.Model:
    """The same function, each ReLU a part of the linear layer that it alone reads.

    Args:
        model: functional or Sequential; it is not changed.
    """
    pairs = _pairs(model, _relu)
    joined = {id(layer) for layer in pairs}
    gone = {id(relu) for relu in pairs.values()}
    made: list[tuple[Any, Any]] = []

    def make(layer: Any) -> Any:
        if id(layer) in gone:
            return lambda x, **_: x
        copy = _with(layer, activation="relu") if id(layer) in joined else None
        made.append((layer, copy or copy_of(layer)))
        return made[-1][1]

    whole = regraph(model, make)
    for layer, copy in made:
        if copy is not layer:
            copy.set_weights(layer.get_weights())
    return whole


def _relu(layer: Any) -> bool:
    """A plain ReLU, of which there is no more than one use."""
    if type(layer).__name__ == "Activation":
        plain = layer.activation is keras.activations.relu
    else:
        plain = type(layer).__name__ == "ReLU" and layer.max_value is None
        plain = plain and not layer.negative_slope and not layer.threshold
    return plain and len(layer._inbound_nodes) == 1


def _norm(layer: Any) -> bool:
    if type(layer).__name__ != "BatchNormalization" or len(layer._inbound_nodes) != 1:
        return False
    return layer.axis in (-1, layer.input.ndim - 1)


def _pairs(model: keras.Model, wanted: Callable[[Any], bool]) -> dict[Any, Any]:
    """Linear layer -> the wanted layer that alone reads it."""
    found = {}
    graph = functional_graph(model)
    for inner in graph.operations:
        if isinstance(inner, keras.Model):
            found |= _pairs(inner, wanted)
    shown = {id(tensor) for tensor in keras.tree.flatten(graph.outputs)}
    for layer in graph.operations:
        readers = _readers(layer)
        if type(layer).__name__ in FOLDABLE and len(readers) == 1 and _linear(layer):
            if wanted(readers[0]) and id(layer.output) not in shown:
                found[layer] = readers[0]
    return found


def _readers(layer: Any) -> list[Any]:
    if len(layer._inbound_nodes) != 1:  # a shared layer has several outputs
        return []
    return [node.operation for node in layer._outbound_nodes]


def _linear(layer: Any) -> bool:
    return layer.activation is keras.activations.linear


def _with(layer: Any, **changed: Any) -> Any:
    return type(layer).from_config({**layer.get_config(), **changed})


def _folded(layer: Any, norm: Any) -> list[np.ndarray]:
    """Kernel times gamma / deviation, and the bias that goes with it."""
    kernel, *bias = (np.asarray(weight) for weight in layer.get_weights())
    mean, variance = np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)
    scale = (np.asarray(norm.gamma) if norm.scale else 1) / np.sqrt(
        variance + norm.epsilon
    )
    shift = np.asarray(norm.beta) if norm.center else 0
    shape = [1] * kernel.ndim
    shape[FOLDABLE[type(layer).__name__]] = -1
    if type(layer).__name__ == "DepthwiseConv2D":
        shape = [1, 1, kernel.shape[2], kernel.shape[3]]
    old = bias[0] if bias else 0
    return [kernel * np.reshape(scale, shape), shift + (old - mean) * scale]
