"""Fold normalizations and activations into the adjacent linear layers.

In: a functional or Sequential Keras 3 model. Out: an equivalent model with fewer
layers.

Folding happens before clustering because the converter would otherwise multiply each
channel of a normalized layer by a factor, and equal weights would become different. It
happens before quantization-aware training because tfmot does not quantize the weights
of a layer whose ReLU is a separate layer.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import keras
import numpy as np

from pipeline.compress.rewrite.rebuild import (
    clone_with,
    functional_graph,
    identity,
    rebuild_with_weights,
)
from pipeline.models.graph import is_nested

# Linear layer class -> kernel axis of the output channels.
FOLDABLE = {"Conv1D": -1, "Conv2D": -1, "Dense": -1, "DepthwiseConv2D": 2}
# Largest ratio of the channels' standard deviations; it costs a kernel two of its
# eight bits.
MAX_STD_RATIO = 4.0
NEUTRAL_VARIANCE = 1e30  # divides a channel's contribution down to nothing


def fold_batch_norms(model: keras.Model) -> keras.Model:
    """Fold each BatchNormalization into the linear layer before it.

    Only where the linear layer has no activation and nothing else reads its output.

    Args:
        model: functional or Sequential; it is not changed.

    Returns:
        A model that computes the same.
    """
    return _absorb(model, batch_norms(model), _batch_norm_folded)


def batch_norms(model: keras.Model) -> dict[Any, Any]:
    """Map each linear layer to the BatchNormalization that can be folded into it.

    Args:
        model: functional or Sequential.
    """
    return _linear_readers(model, _is_batch_norm)


def neutralize_constant_channels(
    model: keras.Model,
) -> tuple[keras.Model, list[str]]:
    """Neutralize constant channels of the Normalization layers.

    Keras divides by max(std, 1e-7), which amplifies any change of a constant channel
    about 1e7 times; neither int8 nor float16 can hold that beside the other channels.
    A variance of 1e30 multiplies such a channel by 1e-15 instead. Outputs stay equal on
    inputs whose channel is as constant as in the examples that the layer was adapted
    to.

    Args:
        model: functional or Sequential; it is not changed.

    Returns:
        The model, and one line per changed layer: `layer (Class), N channels ...`.
    """
    lines: list[str] = []
    changed: set[int] = set()

    def replacement(layer: Any) -> Any:
        constant = _constant_channels(layer)
        if not constant.any():
            return None
        changed.add(id(layer))
        count = np.sum(constant)
        lines.append(f"{layer.name} (Normalization), {count} channels without variance")
        return _neutralized(layer, constant)

    def weights(layer: Any) -> list[Any] | None:
        return None if id(layer) in changed else layer.get_weights()

    return rebuild_with_weights(model, replacement, weights), lines


def fold_input_normalizations(model: keras.Model) -> keras.Model:
    """Fold each Normalization into the linear layer that reads it.

    Only where that is exact and the channels' standard deviations are similar: if they
    differ much, a kernel with one scale, or with few values, is precise for the rows of
    the largest factor alone.

    Args:
        model: functional or Sequential; it is not changed.

    Returns:
        A model that computes the same.
    """
    return _absorb(model, _normalization_readers(model), _normalization_folded)


def fuse_relu(model: keras.Model) -> keras.Model:
    """Turn each plain ReLU layer into the activation of the linear layer before it.

    Args:
        model: functional or Sequential; it is not changed.

    Returns:
        A model that computes the same.
    """
    pairs = _linear_readers(model, _is_plain_relu)
    fused = {id(layer) for layer in pairs}
    removed = {id(relu) for relu in pairs.values()}

    def replacement(layer: Any) -> Any:
        if id(layer) in removed:
            return identity
        return clone_with(layer, activation="relu") if id(layer) in fused else None

    return rebuild_with_weights(model, replacement)


def _absorb(
    model: keras.Model,
    pairs: Mapping[Any, Any],
    folded_weights: Callable[[Any, Any], list],
) -> keras.Model:
    """Copy a model whose linear layers take over their normalizations.

    Args:
        model: functional or Sequential; it is not changed.
        pairs: linear layer -> the normalization that it takes over.
        folded_weights: linear layer and normalization -> kernel and bias.
    """
    removed = {id(norm) for norm in pairs.values()}
    norms = {id(layer): norm for layer, norm in pairs.items()}

    def replacement(layer: Any) -> Any:
        if id(layer) in removed:
            return identity
        return clone_with(layer, use_bias=True) if id(layer) in norms else None

    def weights(layer: Any) -> list[Any]:
        norm = norms.get(id(layer))
        return layer.get_weights() if norm is None else folded_weights(layer, norm)

    return rebuild_with_weights(model, replacement, weights)


def _is_plain_relu(layer: Any) -> bool:
    """Return whether a layer is max(x, 0) and called once."""
    if type(layer).__name__ == "Activation":
        plain = layer.activation is keras.activations.relu
    else:
        plain = type(layer).__name__ == "ReLU" and layer.max_value is None
        plain = plain and not layer.negative_slope and not layer.threshold
    return plain and len(layer._inbound_nodes) == 1


def _is_batch_norm(layer: Any) -> bool:
    """Return whether a layer is a BatchNormalization of the last axis, called once."""
    if type(layer).__name__ != "BatchNormalization" or len(layer._inbound_nodes) != 1:
        return False
    return layer.axis in (-1, layer.input.ndim - 1)


def _linear_readers(
    model: keras.Model, wanted: Callable[[Any], bool]
) -> dict[Any, Any]:
    """Map each linear layer to its only reader, where that is wanted."""
    pairs: dict[Any, Any] = {}
    graph = functional_graph(model)
    outputs = _output_ids(graph)
    for layer in graph.operations:
        if is_nested(layer):
            pairs |= _linear_readers(layer, wanted)
        elif type(layer).__name__ in FOLDABLE and _is_linear(layer):
            reader = _only_reader(layer, outputs)
            if reader is not None and wanted(reader):
                pairs[layer] = reader
    return pairs


def _output_ids(graph: Any) -> set[int]:
    return {id(tensor) for tensor in keras.tree.flatten(graph.outputs)}


def _only_reader(layer: Any, outputs: set[int]) -> Any:
    """Return the only reader of a layer's output.

    Args:
        layer: a layer or operation.
        outputs: ids of the graph's output tensors.

    Returns:
        The layer or operation; None if there are several readers, if the layer is
        called more than once, or if its output is an output of the graph.
    """
    nodes = layer._outbound_nodes
    if len(layer._inbound_nodes) != 1 or len(nodes) != 1 or id(layer.output) in outputs:
        return None
    return nodes[0].operation


def _is_linear(layer: Any) -> bool:
    return layer.activation is keras.activations.linear


def _kernel_and_bias(layer: Any) -> tuple[np.ndarray, Any]:
    """Return a linear layer's kernel, and its bias or 0."""
    kernel, *bias = (np.asarray(weight) for weight in layer.get_weights())
    return kernel, bias[0] if bias else 0


def _batch_norm_folded(layer: Any, norm: Any) -> list[np.ndarray]:
    """Return the kernel times gamma / std, and the matching bias."""
    kernel, bias = _kernel_and_bias(layer)
    mean, variance = np.asarray(norm.moving_mean), np.asarray(norm.moving_variance)
    scale = (np.asarray(norm.gamma) if norm.scale else 1) / np.sqrt(
        variance + norm.epsilon
    )
    shift = np.asarray(norm.beta) if norm.center else 0
    shape = [1] * kernel.ndim
    shape[FOLDABLE[type(layer).__name__]] = -1
    if type(layer).__name__ == "DepthwiseConv2D":
        shape = [1, 1, kernel.shape[2], kernel.shape[3]]
    return [kernel * np.reshape(scale, shape), shift + (bias - mean) * scale]


def _normalization_readers(model: keras.Model) -> dict[Any, Any]:
    """Map each linear layer to the Normalization that it can take over exactly."""
    pairs: dict[Any, Any] = {}
    graph = functional_graph(model)
    outputs = _output_ids(graph)
    for layer in graph.operations:
        if is_nested(layer):
            pairs |= _normalization_readers(layer)
        elif type(layer).__name__ == "Normalization":
            reader = _only_reader(layer, outputs)
            if reader is not None and _can_absorb(reader, layer):
                pairs[reader] = layer
    return pairs


def _can_absorb(reader: Any, norm: Any) -> bool:
    """Return whether a linear layer can take over a Normalization before it.

    It needs one factor per channel, an unchanged border (zero padding comes after the
    normalization), and similar standard deviations.
    """
    if type(reader).__name__ not in FOLDABLE or len(reader._inbound_nodes) != 1:
        return False
    if getattr(reader, "groups", 1) != 1:
        return False
    per_channel = np.shape(norm.mean)[:-1] == (1,) * (norm.input.ndim - 1)
    padded = getattr(reader, "padding", "valid") != "valid"
    channels_last = getattr(reader, "data_format", None) in (None, "channels_last")
    std = np.sqrt(np.asarray(norm.variance, np.float64))
    similar = np.max(std) <= MAX_STD_RATIO * np.min(std)
    border = padded and np.any(np.asarray(norm.mean))
    exact = per_channel and channels_last and not border
    return exact and similar and norm.input.dtype == "float32" and not norm.invert


def _constant_channels(layer: Any) -> np.ndarray:
    """Mark the channels of a Normalization whose std Keras replaces by its epsilon."""
    if type(layer).__name__ != "Normalization":
        return np.array(0)
    constant = np.sqrt(np.asarray(layer.variance)) <= keras.config.epsilon()
    return constant & (not layer.invert)


def _neutralized(norm: Any, constant: np.ndarray) -> Any:
    variance = np.where(constant, NEUTRAL_VARIANCE, norm.variance)
    shape = norm._mean_and_var_shape
    mean, variance = (np.reshape(values, shape) for values in (norm.mean, variance))
    return clone_with(norm, mean=mean, variance=variance)


def _normalization_folded(layer: Any, norm: Any) -> list[np.ndarray]:
    """Return the kernel over std, and the matching bias."""
    kernel, bias = _kernel_and_bias(layer)
    depthwise = type(layer).__name__ == "DepthwiseConv2D"
    channel = 2 if depthwise else kernel.ndim - 2
    std = np.ravel(np.sqrt(np.asarray(norm.variance, np.float64)))
    factor = 1 / np.maximum(std, keras.config.epsilon())
    shape = [-1 if axis == channel else 1 for axis in range(kernel.ndim)]
    scaled = kernel * np.reshape(np.broadcast_to(factor, kernel.shape[channel]), shape)
    mean = np.broadcast_to(np.ravel(norm.mean), kernel.shape[channel])
    offsets = scaled * np.reshape(mean, shape)
    output_axes = (2, 3) if depthwise else (kernel.ndim - 1,)
    summed = tuple(axis for axis in range(kernel.ndim) if axis not in output_axes)
    return [scaled, bias - np.ravel(offsets.sum(summed))]
