"""Tables of the layers that each technique supports, known before any training.

    unsupported_layers(model, "qat")   # ["rnn (Bidirectional)"]

In: a tf_keras model and a technique. Out: names and classes of layers. The tables
repeat what tfmot's registries and graph rules allow, without running them; tests
compare every line with tfmot itself. A technique leaves unsupported layers out and
handles the others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import tf_keras

from pipeline.compress.layer_rules import (
    FOLDS_NORMALIZATION,
    NOT_SPARSITY_PRESERVING,
    NOTHING_TO_QUANTIZE,
    PRUNABLE,
    is_quantizable,
)
from pipeline.compress.tfmot import fake_quant_layers
from pipeline.compress.tfmot.callbacks import is_kernel
from pipeline.compress.tfmot.keras_layer import KerasLayer, kind_of

Layer: TypeAlias = tf_keras.layers.Layer


def prunable(layer: Layer) -> bool:
    """Return whether tfmot prunes weights of a layer."""
    return type(layer).__name__ in PRUNABLE


def supports_two_of_four(layer: Layer) -> bool:
    """Return whether tfmot can prune two of every four weights of a layer."""
    return type(layer).__name__ in ("Conv2D", "Dense")


def quantizable(layer: Layer, keep_zeros: bool = False) -> bool:
    """Return whether tfmot trains a layer, at its place in the graph, for int8.

    Args:
        layer: a layer of a functional model whose layers are in no other model.
        keep_zeros: for the sparsity-preserving scheme of `pqat`.
    """
    kind = type(layer).__name__
    if kind == "BatchNormalization":
        return _is_folded(layer, keep_zeros)
    if keep_zeros and kind in NOT_SPARSITY_PRESERVING:
        return False
    return is_quantizable(kind, activation_name(layer))


def unsupported_layers(
    model: tf_keras.Model, technique: str, kernels: str = "inner"
) -> list[str]:
    """List the layers that a technique does not support.

    Args:
        model: a fresh functional model as the bridge makes it.
        technique: one of the recipe grammar.
        kernels: `inner` or `all`, as in `quantize_weights`.

    Returns:
        `layer (Class)` of each layer that the technique leaves out.
    """
    unsupported = _predicate(model, technique, kernels)
    return [
        f"{layer.name} ({kind_of(layer)})"
        for layer in model.layers
        if type(layer).__name__ not in NOTHING_TO_QUANTIZE and unsupported(layer)
    ]


def _predicate(
    model: tf_keras.Model, technique: str, kernels: str
) -> Callable[[Layer], bool]:
    """Return the function that tells whether a technique leaves a layer out."""
    low_bit: list[str] = []
    if technique in ("binary", "quantize_weights"):
        low_bit = fake_quant_layers.supported_layers(model, kernels)
    return {
        # rewrite.prune_channels itself lists the layers that it leaves out.
        "prune_channels": lambda layer: False,
        "cluster": lambda layer: _has_matrix(layer) and not _has_kernel(layer),
        "quantize_weights": lambda layer: (
            _has_matrix(layer) and layer.name not in low_bit
        ),
        "binary": lambda layer: _has_matrix(layer) and layer.name not in low_bit,
        "cqat": lambda layer: not quantizable(layer),
        "pcqat": lambda layer: not quantizable(layer),
        "prune": lambda layer: _has_matrix(layer) and not prunable(layer),
        "qat": lambda layer: not quantizable(layer),
        "pqat": lambda layer: not quantizable(layer, keep_zeros=True),
    }[technique]


def _is_folded(layer: Layer, keep_zeros: bool) -> bool:
    """Return whether a batch normalization directly follows a layer that absorbs it."""
    producers = _neighbors(layer, "inbound")
    if len(producers) != 1 or type(producers[0]).__name__ not in FOLDS_NORMALIZATION:
        return False
    alone = len(_neighbors(producers[0], "outbound")) == 1
    linear = activation_name(producers[0]) == "linear"
    return alone and linear and quantizable(producers[0], keep_zeros)


def _neighbors(layer: Layer, side: str) -> list[Any]:
    if side == "outbound":
        return [node.outbound_layer for node in layer._outbound_nodes]
    nodes = [node.inbound_layers for node in layer._inbound_nodes]
    lists = [layers if isinstance(layers, list) else [layers] for layers in nodes]
    return [neighbor for layers in lists for neighbor in layers]


def activation_name(layer: Any) -> str:
    """Return the name of a layer's activation, `linear` where it has none.

    Args:
        layer: of Keras 3 or tf_keras; a layer as activation has the name of its class.
    """
    function = getattr(layer, "activation", None)
    if function is None:
        return "linear"
    return str(getattr(function, "__name__", type(function).__name__))


def _has_matrix(layer: Layer) -> bool:
    """Return whether a weight has two axes or more."""
    return any(len(weight.shape) > 1 for weight in layer.weights)


def _has_kernel(layer: Layer) -> bool:
    """Return whether a kernel has more than one weight per output channel."""
    if isinstance(layer, KerasLayer):  # what it computes from its weights is unknown
        return False
    return any(is_kernel(weight) for weight in layer.weights)
