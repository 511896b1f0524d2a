"""Models that end the converter's process, known before it is called.

In: a tf_keras model and an export. Out: the layers because of which the export must not
be tried. A test compares this with the converter.
"""

from __future__ import annotations

from typing import Any

import tf_keras

from pipeline.compress.tflite.verify import INTEGER_IO


def crashing_layers(model: tf_keras.Model, export: str) -> list[str]:
    """Name the layers with which the converter crashes (SIGSEGV).

    Its full-integer pass ends on an LSTM that reads a mask.

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
        if _is_lstm(layer) and _is_masked(layer)
    ]


def _is_lstm(layer: Any) -> bool:
    names = {type(inner).__name__ for inner in layer._flatten_layers()}
    return "LSTM" in names


def _is_masked(layer: Any) -> bool:
    nodes = layer._inbound_nodes
    tensors = [tensor for node in nodes for tensor in node.keras_inputs]
    return any(getattr(t, "_keras_mask", None) is not None for t in tensors)
