"""Layers, shapes, cost and compressibility of a Keras file, without TensorFlow.

In: a .keras or .h5 file. Out: a JSON object, see `inspect_keras`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.compress.inspection.guesses import scaling_of_model, task_of_model
from pipeline.compress.inspection.keras_config import (
    ConfigLayer,
    KerasConfig,
    read_keras,
)
from pipeline.compress.inspection.shapes import Shape, macs, output_shape, parameters
from pipeline.compress.inspection.support import support

# Layers that an exported file does not hold, or that another operator computes.
VANISHING = ("Dropout", "Flatten", "Reshape", "SpatialDropout2D", "Identity")
ABSORBING = ("Conv2D", "Conv1D", "DepthwiseConv2D", "Dense", "SeparableConv2D")
# What settings of another version of Keras lead to.
UNREADABLE = (KeyError, TypeError, IndexError, ValueError, StopIteration)


def inspect_keras(path: Path) -> dict[str, Any]:
    """Describe a Keras file.

    Args:
        path: a .keras or .h5 file.

    Returns:
        `format`, `name`, `inputs` and `outputs` (shapes), `layers` (a row each),
        `parameters`, `macs`, `arena_int8` (bytes of activations in an int8 file, None
        if a shape is unknown), `task`, `scaling`, and `unknown` (layers whose shape
        cannot be computed without building the model).

    Raises:
        UserError: when it holds no functional or Sequential model.
    """
    config = read_keras(path)
    shapes = _shapes(config.layers)
    rows = _rows(config.layers, shapes)
    inputs = [layer.name for layer in config.layers if layer.kind == "InputLayer"]
    total = [row["macs"] for row in rows]
    return {
        "file": str(path),
        "format": _format(path, config),
        "name": config.name,
        "inputs": [_listed(shapes.get(name)) for name in inputs],
        "outputs": [_listed(shapes.get(name)) for name in config.outputs],
        "layers": rows,
        "parameters": config.parameters,
        "macs": None if None in total else sum(total),
        "arena_int8": _activation_bytes(config, shapes),
        "unknown": [row["name"] for row in rows if row["shape"] is None],
        **_guesses(config, shapes, inputs),
    }


def _format(path: Path, config: KerasConfig) -> str:
    kind = "HDF5" if path.suffix in (".h5", ".hdf5") else ".keras"
    return f"Keras {config.version or 'of an unknown version'}, {kind}"


def _shapes(layers: Sequence[ConfigLayer]) -> dict[str, Shape | None]:
    shapes: dict[str, Shape | None] = {}
    for layer in layers:
        inputs = [shapes.get(name) for name in layer.before]
        known = [shape for shape in inputs if shape is not None]
        complete = len(known) == len(inputs)
        shapes[layer.name] = _shape(layer, known) if complete else None
    return shapes


def _shape(layer: ConfigLayer, inputs: Sequence[Shape]) -> Shape | None:
    try:
        return output_shape(layer, inputs)
    except UNREADABLE:
        return None


def _rows(
    layers: Sequence[ConfigLayer], shapes: Mapping[str, Shape | None]
) -> list[dict[str, Any]]:
    costs = [_cost(layer, shapes) for layer in layers]
    weighted = {layer.name for layer, cost in zip(layers, costs) if cost[0]}
    rows = []
    for layer, cost, techniques in zip(layers, costs, support(layers, weighted)):
        row: dict[str, Any] = {"name": layer.name, "kind": layer.kind}
        row |= {"shape": _listed(shapes[layer.name]), "activation": layer.activation}
        rows.append({**row, "parameters": cost[0], "macs": cost[1], **techniques})
    return rows


def _cost(
    layer: ConfigLayer, shapes: Mapping[str, Shape | None]
) -> tuple[int | None, int | None]:
    inputs = [shape for name in layer.before if (shape := shapes.get(name)) is not None]
    try:
        return parameters(layer, inputs), macs(layer, inputs, shapes[layer.name])
    except UNREADABLE:
        return None, None


def _listed(shape: Shape | None) -> list[int | None] | None:
    return None if shape is None else list(shape)


def _guesses(
    config: KerasConfig, shapes: Mapping[str, Shape | None], inputs: list[str]
) -> dict[str, str]:
    last = next((x for x in config.layers if x.name in config.outputs), None)
    source = shapes.get(inputs[0]) if inputs else None
    output = shapes.get(last.name) if last else None
    scaling = scaling_of_model(config.name, config.layers)
    if len(inputs) != 1 or len(config.outputs) != 1:
        counts = f"{len(inputs)} inputs and {len(config.outputs)} outputs"
        return {"task": f"unknown: {counts}", "scaling": scaling}
    if last is None or source is None or output is None:
        return {"task": "unknown: the shape of the output is", "scaling": scaling}
    return {
        "task": task_of_model(config.layers, last, source, output),
        "scaling": scaling,
    }


def _activation_bytes(
    config: KerasConfig, shapes: Mapping[str, Shape | None]
) -> int | None:
    """Bytes of int8 activations, placed as TensorFlow Lite Micro places them."""
    from pipeline.compress.tflite.cost import aligned, planned_bytes

    if any(shape is None or None in shape for shape in shapes.values()):
        return None
    owner = _buffers(config.layers)
    lives: dict[str, tuple[int, int, int]] = {}
    for number, layer in enumerate(config.layers):
        name = owner[layer.name]
        size = math.prod(shapes[name] or ())  # type: ignore[arg-type]
        first = lives.get(name, (0, number, 0))[1]
        lives[name] = (aligned(size), first, number)
        for source in map(owner.__getitem__, layer.before):
            lives[source] = (*lives[source][:2], number)
    end = len(config.layers)
    for name in map(owner.__getitem__, config.outputs):
        lives[name] = (*lives[name][:2], end)
    return planned_bytes(dict(enumerate(lives.values())))


def _buffers(layers: Sequence[ConfigLayer]) -> dict[str, str]:
    """Layer -> the layer whose buffer its output is in, after folding."""
    owner: dict[str, str] = {}
    kinds = {layer.name: layer.kind for layer in layers}
    for layer in layers:
        source = owner[layer.before[0]] if len(layer.before) == 1 else ""
        folded = bool(source) and (
            layer.kind in VANISHING
            or (kinds[source] in (*ABSORBING, "Add") and _is_absorbed(layer))
        )
        owner[layer.name] = source if folded else layer.name
    return owner


def _is_absorbed(layer: ConfigLayer) -> bool:
    relu = layer.kind == "Activation" and layer.activation in ("relu", "relu6")
    return layer.kind in ("BatchNormalization", "ReLU") or relu
