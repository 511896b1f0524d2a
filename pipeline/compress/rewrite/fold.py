"""Normalizations and activations folded into the layers beside them.

In: a Keras 3 model. Out: an equal one with fewer layers.

What is clustered afterwards stays clustered: the converter would multiply each
channel of a normalized layer by a number of its own. And where a ReLU is a layer of
its own, tfmot trains the layer before it with weights that are not quantized.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from pipeline.compress.rewrite.rebuild import (
    copy_of,
    functional_graph,
    give_weights,
    regraph,
)

# Kernel axes of the output channels, by class.
FOLDABLE = {"Conv1D": -1, "Conv2D": -1, "Dense": -1, "DepthwiseConv2D": 2}
EVEN = 4.0  # largest over smallest deviation: of eight bits a kernel keeps six
SILENT = 1e30  # the variance of a channel that shall count for nothing


def fold(model: keras.Model) -> keras.Model:
    """The same function without the normalizations that follow a linear layer.

    Args:
        model: functional or Sequential; it is not changed.
    """
    return _absorbed(model, _pairs(model, _norm), _folded)


def silence(model: keras.Model) -> tuple[keras.Model, list[str]]:
    """The same function of all that its Normalizations were adapted to.

    A channel without variance was one number there, and Keras multiplies what it is
    away from that with ten million: neither int8 nor float16 has room for that beside
    the other channels. Here it is multiplied with next to nothing.

    Args:
        model: functional or Sequential; it is not changed.

    Returns:
        The model, and `layer (Class)` of the Normalizations with such channels.
    """
    told: list[str] = []
    made: list[tuple[Any, Any]] = []

    def make(layer: Any) -> Any:
        mute = _mute(layer) if type(layer).__name__ == "Normalization" else np.array(0)
        if not mute.any():
            made.append((layer, copy_of(layer)))
            return made[-1][1]
        count = np.sum(mute)
        told.append(f"{layer.name} (Normalization), {count} channels without variance")
        return _silenced(layer, mute)

    silenced = regraph(model, make)
    for layer, copy in made:
        if copy is not layer:
            give_weights(copy, layer.get_weights())
    return silenced, told


def fold_inputs(model: keras.Model) -> keras.Model:
    """The same function without the Normalizations that a linear layer alone reads.

    Only where that is exact, and where the channels' deviations are alike: of rows
    that were multiplied with very different numbers, a kernel of one scale, or of few
    values, keeps the largest alone.

    Args:
        model: functional or Sequential; it is not changed.
    """
    return _absorbed(model, _normalized(model), _denormalized)


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
            give_weights(copy, layer.get_weights())
    return whole


def _absorbed(
    model: keras.Model, pairs: Mapping[Any, Any], weights: Callable[[Any, Any], list]
) -> keras.Model:
    """A copy in which each linear layer has the weights that do its norm's work, too.

    Args:
        pairs: linear layer -> the normalization that it takes over.
        weights: kernel and bias of such a pair.
    """
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
            copy.set_weights(weights(layer, by_id[id(layer)]))
        elif copy is not layer:
            give_weights(copy, layer.get_weights())
    return folded


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


def _normalized(model: keras.Model) -> dict[Any, Any]:
    """Linear layer -> the Normalization that it alone reads, where folding is exact."""
    found = {}
    graph = functional_graph(model)
    shown = {id(tensor) for tensor in keras.tree.flatten(graph.outputs)}
    for layer in graph.operations:
        if isinstance(layer, keras.Model):
            found |= _normalized(layer)
        elif type(layer).__name__ == "Normalization":
            readers = _readers(layer)
            if len(readers) == 1 and id(layer.output) not in shown:
                found |= {readers[0]: layer} if _takes_in(readers[0], layer) else {}
    return found


def _takes_in(reader: Any, norm: Any) -> bool:
    """Whether one factor a channel is all there is, and borders are as they were."""
    if type(reader).__name__ not in FOLDABLE or len(reader._inbound_nodes) != 1:
        return False
    if getattr(reader, "groups", 1) != 1:
        return False
    by_channel = np.shape(norm.mean)[:-1] == (1,) * (norm.input.ndim - 1)
    borders = getattr(reader, "padding", "valid") != "valid"
    last = getattr(reader, "data_format", None) in (None, "channels_last")
    deviation = np.sqrt(np.asarray(norm.variance, np.float64))
    alike = np.max(deviation) <= EVEN * np.min(deviation)
    exact = by_channel and last and not (borders and np.any(np.asarray(norm.mean)))
    return exact and alike and norm.input.dtype == "float32" and not norm.invert


def _mute(norm: Any) -> np.ndarray:
    """Which channels have less deviation than Keras divides by."""
    small = np.sqrt(np.asarray(norm.variance)) <= keras.config.epsilon()
    return small & (not norm.invert)


def _silenced(norm: Any, mute: np.ndarray) -> Any:
    variance = np.where(mute, SILENT, norm.variance)
    shape = norm._mean_and_var_shape
    mean, variance = (np.reshape(each, shape) for each in (norm.mean, variance))
    return _with(norm, mean=mean, variance=variance)


def _denormalized(layer: Any, norm: Any) -> list[np.ndarray]:
    """Kernel over deviation, and the bias that goes with it."""
    kernel, *bias = (np.asarray(weight) for weight in layer.get_weights())
    channel = 2 if type(layer).__name__ == "DepthwiseConv2D" else kernel.ndim - 2
    deviation = np.ravel(np.sqrt(np.asarray(norm.variance, np.float64)))
    factor = 1 / np.maximum(deviation, keras.config.epsilon())
    shape = [-1 if axis == channel else 1 for axis in range(kernel.ndim)]
    scaled = kernel * np.reshape(np.broadcast_to(factor, kernel.shape[channel]), shape)
    mean = np.broadcast_to(np.ravel(norm.mean), kernel.shape[channel])
    moved = scaled * np.reshape(mean, shape)
    kept = (2, 3) if type(layer).__name__ == "DepthwiseConv2D" else (kernel.ndim - 1,)
    lost = moved.sum(tuple(axis for axis in range(kernel.ndim) if axis not in kept))
    return [scaled, (bias[0] if bias else 0) - np.ravel(lost)]
