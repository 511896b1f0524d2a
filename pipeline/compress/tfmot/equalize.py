"""Cross-layer equalization: similar ranges in all channels, with equal outputs.

In: a tf_keras model and calibration examples. Out: the same model with other weights,
which computes the same.

An activation tensor has one scale, so a channel of large values leaves few steps for
the others. Where only activations f with s f(x / s) = f(x) lie between two linear
layers, channel c of the first can be divided by s and the second's weights for it
multiplied by s (Nagel et al., Data-Free Quantization Through Weight Equalization and
Bias Correction, 2019, section 4.1; Meller et al., Same, Same But Different, 2019, for
ranges of activations).

ReLU6 has a corner that scaling would move. A channel that reaches 6 on the calibration
examples is not scaled; another one is scaled up to 6 at most.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import tf_keras

from pipeline.compress.tfmot.supported_layers import activation_name
from pipeline.core.errors import UserError

LINEAR = ("Conv1D", "Conv2D", "Dense", "DepthwiseConv2D")
# Layers that compute s f(x / s) = f(x) per channel, for every s > 0.
POOLING = (
    "AveragePooling1D",
    "AveragePooling2D",
    "Dropout",
    "Flatten",
    "GlobalAveragePooling1D",
    "GlobalAveragePooling2D",
    "GlobalMaxPooling1D",
    "GlobalMaxPooling2D",
    "MaxPooling1D",
    "MaxPooling2D",
    "SpatialDropout1D",
    "SpatialDropout2D",
    "ZeroPadding1D",
    "ZeroPadding2D",
)
ACTIVATIONS = ("Activation", "LeakyReLU", "ReLU")
FUNCTIONS = ("linear", "relu", "relu6")
SWEEPS = 20  # over all pairs; factors converge in far fewer
BATCH = 64
ROOM = 1.05  # between an observed maximum and the corner of ReLU6
LARGEST = 1e4  # factor of a channel


@dataclass
class Pair:
    """Two linear layers between which channels can be scaled.

    Args:
        first: the layer whose output is divided.
        norm: the batch normalization right after it, or None.
        second: the layer whose input is multiplied.
        corner: output of the activation beyond which it is constant; infinity if none.
        activation: layer whose output has the ranges of the activations.
        factors: product of all factors so far, one per channel.
    """

    first: Any
    norm: Any
    second: Any
    corner: float
    activation: Any
    factors: np.ndarray = field(default_factory=lambda: np.ones(1))


def equalize(
    model: tf_keras.Model, calibration: np.ndarray, ranges: str = "weights"
) -> tf_keras.Model:
    """Equalize the channels of all pairs of layers that allow it.

    Args:
        model: functional; its weights are changed.
        calibration: model inputs `(n, ...)`.
        ranges: `weights`, or `activations` on the calibration examples.

    Returns:
        The model.

    Raises:
        UserError: when no two layers allow it.
    """
    pairs = find_pairs(model)
    if not pairs:
        raise UserError(
            f'equalize supports no two layers of "{model.name}": it needs two linear '
            "layers with nothing but ReLU, pooling or padding between them; leave "
            "equalize out of the recipe"
        )
    peaks = _peaks(model, [pair.activation for pair in pairs], calibration)
    for pair, peak in zip(pairs, peaks, strict=True):
        pair.factors = np.ones(len(peak))
    for _ in range(SWEEPS):
        changes = [_scale(p, peak, ranges) for p, peak in zip(pairs, peaks)]
        if max(changes) < 1e-3:
            break
    return model


def find_pairs(model: tf_keras.Model) -> list[Pair]:
    """List the pairs of layers between which channels can be scaled.

    Args:
        model: functional.
    """
    outputs = {id(tensor) for tensor in model.outputs}
    found = [
        _pair(layer, outputs)
        for layer in model.layers
        if _kind(layer) in LINEAR and activation_name(layer) in FUNCTIONS
    ]
    return [pair for pair in found if pair is not None]


def _pair(first: Any, outputs: set[int]) -> Pair | None:
    norm, layer, activation, corner = None, first, first, _corner(first)
    while True:
        following = _only_reader(layer, outputs)
        if following is None:
            return None
        if layer is first and _is_norm(following) and _is_linear(first):
            norm = activation = following
        elif _kind(following) in LINEAR:
            fits = getattr(following, "groups", 1) == 1
            pair = Pair(first, norm, following, corner, activation)
            return pair if fits else None
        elif _is_homogeneous_activation(following):
            activation = following
        elif _kind(following) not in POOLING:
            return None
        layer, corner = following, min(corner, _corner(following))


def _kind(layer: Any) -> str:
    return type(layer).__name__


def _only_reader(layer: Any, outputs: set[int]) -> Any:
    """The only layer that reads a layer's output; None if there are others."""
    nodes = layer._outbound_nodes
    if len(nodes) != 1 or len(layer._inbound_nodes) != 1 or id(layer.output) in outputs:
        return None
    following = nodes[0].outbound_layer
    return following if len(following._inbound_nodes) == 1 else None


def _is_norm(layer: Any) -> bool:
    if _kind(layer) != "BatchNormalization" or not (layer.scale and layer.center):
        return False
    return list(layer.axis) in ([-1], [layer.input.shape.rank - 1])


def _is_linear(layer: Any) -> bool:
    return activation_name(layer) == "linear"


def _is_homogeneous_activation(layer: Any) -> bool:
    if _kind(layer) not in ACTIVATIONS:
        return False
    if _kind(layer) == "ReLU":
        return not float(layer.threshold)
    return _kind(layer) == "LeakyReLU" or activation_name(layer) in FUNCTIONS


def _corner(layer: Any) -> float:
    if _kind(layer) == "ReLU" and layer.max_value is not None:
        return float(layer.max_value)
    return 6.0 if activation_name(layer) == "relu6" else np.inf


def _peaks(
    model: tf_keras.Model, layers: Sequence[Any], calibration: np.ndarray
) -> list[np.ndarray]:
    """Largest absolute output per channel of each layer, on the examples."""
    inner = tf_keras.Model(model.inputs, [layer.output for layer in layers])
    peaks: list[Any] = [0.0] * len(layers)
    for begin in range(0, len(calibration), BATCH):
        values = inner(calibration[begin : begin + BATCH], training=False)
        values = values if isinstance(values, list) else [values]
        peaks = [np.maximum(peak, _peak(v)) for peak, v in zip(peaks, values)]
    return peaks


def _peak(values: Any) -> np.ndarray:
    array = np.abs(np.asarray(values))
    return array.reshape(-1, array.shape[-1]).max(0)


def _scale(pair: Pair, peak: np.ndarray, ranges: str) -> float:
    """Scale the channels of a pair; return the largest change of a factor."""
    by_weights = ranges == "weights"
    before = _output_ranges(pair) if by_weights else peak / pair.factors
    after = _input_ranges(pair.second).reshape(-1, len(before)).max(0)
    used = (before > 0) & (after > 0)
    if not used.any():
        return 0.0
    if not by_weights and _is_depthwise(pair.second):
        # Its kernel has a scale per channel, so its weights lose nothing.
        wanted = before / np.median(before[used])
    else:
        wanted = np.sqrt(before / np.where(used, after, 1))
    factors = _limited(pair, peak, np.where(used, wanted, 1.0))
    _apply(pair, factors)
    pair.factors = pair.factors * factors
    return float(np.abs(np.log(factors)).max())


def _limited(pair: Pair, peak: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    """Limit factors so that no channel crosses the corner of its activation."""
    total = np.clip(pair.factors * wanted, 1 / LARGEST, LARGEST)
    if np.isfinite(pair.corner):
        reaches = peak * ROOM >= pair.corner
        total = np.maximum(total, peak * ROOM / pair.corner)
        total = np.where(reaches, 1.0, total)
    limited: np.ndarray = total / pair.factors
    return limited


def _output_ranges(pair: Pair) -> np.ndarray:
    """Largest absolute weight per output channel, with its normalization folded in."""
    kernel = np.abs(pair.first.get_weights()[0])
    channels = kernel.shape[-1] * (kernel.shape[-2] if _is_depthwise(pair.first) else 1)
    ranges: np.ndarray = kernel.reshape(-1, channels).max(0)
    return ranges if pair.norm is None else ranges * _norm_scale(pair.norm)


def _norm_scale(norm: Any) -> np.ndarray:
    variance = np.asarray(norm.moving_variance) + norm.epsilon
    scale: np.ndarray = np.abs(np.asarray(norm.gamma)) / np.sqrt(variance)
    return scale


def _input_ranges(layer: Any) -> np.ndarray:
    """Largest absolute weight per input channel, with its normalization folded in."""
    kernel = np.abs(layer.get_weights()[0])
    readers = [node.outbound_layer for node in layer._outbound_nodes]
    if len(readers) == 1 and _is_norm(readers[0]):
        scale = _norm_scale(readers[0])
        kernel = kernel * scale.reshape(
            kernel.shape[-2:] if _is_depthwise(layer) else -1
        )
    axis = kernel.ndim - 2
    channels: np.ndarray = np.moveaxis(kernel, axis, 0).reshape(kernel.shape[axis], -1)
    return channels.max(1)


def _is_depthwise(layer: Any) -> bool:
    return _kind(layer) == "DepthwiseConv2D"


def _apply(pair: Pair, factors: np.ndarray) -> None:
    """Divide the first layer's channels, and multiply the second layer's weights."""
    if pair.norm is not None:
        gamma, beta, *others = pair.norm.get_weights()
        pair.norm.set_weights([gamma / factors, beta / factors, *others])
    else:
        kernel, *bias = pair.first.get_weights()
        shape = kernel.shape[-2:] if _is_depthwise(pair.first) else (-1,)
        kernel = kernel / factors.reshape(shape)
        pair.first.set_weights([kernel, *(values / factors for values in bias)])
    kernel, *others = pair.second.get_weights()
    channels = kernel.shape[kernel.ndim - 2]
    repeated = np.tile(factors, channels // len(factors))  # after a Flatten
    pair.second.set_weights([kernel * repeated[:, None], *others])
