"""Models that end the converter's process, known before it is called.

In: a tf_keras model and an export. Out: the layers because of which the export must not
be tried. A test compares this with the converter.
"""

from __future__ import annotations

from typing import Any

import tf_keras

from pipeline.compress.tflite.verify import INTEGER_IO
from pipeline.compress.tfmot.keras_layer import KerasLayer


def crashing_layers(model: tf_keras.Model, export: str) -> list[str]:
    """Name the layers with which the converter crashes (SIGSEGV).

    Its full-integer pass ends on an LSTM that reads a mask, and on the loop of a
    convolutional LSTM, which cannot be unrolled.

    Args:
        model: functional model as the bridge or a technique made it.
        export: an export step of the recipe grammar.

    Returns:
        `layer (Class)` per layer; empty if the export can be tried.
    """
    if export not in INTEGER_IO:
        return []
    return [
        f"{layer.name} ({type(layer).__name__})"
        for layer in model.layers
        if _has_loop(layer) or ("LSTM" in _kinds(layer) and _is_masked(layer))
    ]


def _has_loop(layer: Any) -> bool:
    return any(kind.startswith("ConvLSTM") for kind in _kinds(layer))


def _kinds(layer: Any) -> set[str]:
    """Classes of a layer and of those inside it, also inside a Keras 3 layer."""
    inner = layer.inner_layers() if isinstance(layer, KerasLayer) else []
    return {type(part).__name__ for part in [*layer._flatten_layers(), *inner]}


def _is_masked(layer: Any) -> bool:
    nodes = layer._inbound_nodes
    tensors = [tensor for node in nodes for tensor in node.keras_inputs]
    return any(getattr(t, "_keras_mask", None) is not None for t in tensors)
