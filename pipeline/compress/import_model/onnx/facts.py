"""What an .onnx file tells before it is rebuilt. Imports no TensorFlow.

In: a path or a graph. Out: the order of the axes of the input, its shape as Keras has
it, the number of outputs, and the layers for `inspect`.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from pipeline.compress.import_model.onnx.graph import Dimension, Node, OnnxGraph
from pipeline.compress.import_model.onnx.model_file import read_onnx
from pipeline.compress.inspection.guesses import task_of_model
from pipeline.compress.inspection.keras_config import ConfigLayer
from pipeline.core.errors import UserError

# Operators that have axis 1 as the channels.
CHANNELS_FIRST = frozenset(
    {
        *("Conv", "ConvTranspose", "BatchNormalization", "MaxPool", "AveragePool"),
        *("GlobalAveragePool", "GlobalMaxPool", "PRelu"),
    }
)
Shape = tuple[Dimension, ...]


def check_onnx(path: Path) -> None:
    """Check an .onnx file, as far as that is possible without rebuilding it.

    Args:
        path: the file.

    Raises:
        UserError: names the file, the node, and what to do.
    """
    graph = read_onnx(path)
    if graph.token_input and not vocabulary(graph):
        raise UserError(
            f"{path}: its input is whole numbers that no table of an embedding "
            "(Gather) reads; export it with float numbers as input"
        )


def vocabulary(graph: OnnxGraph) -> int:
    """Return how many tokens the smallest table has that reads the input; 0 for none.

    Args:
        graph: of a file.
    """
    rows = [
        len(graph.constants[node.inputs[0]])
        for node in graph.consumers(graph.source)
        if node.kind == "Gather" and node.inputs[0] in graph.constants
    ]
    return min(rows, default=0)


def takes_tokens(path: Path) -> bool:
    """Return whether the input is a row of token numbers.

    Args:
        path: a file that `check_onnx` accepts.
    """
    graph = read_onnx(path)
    return graph.token_input and len(graph.shape) == 2


def input_order(graph: OnnxGraph) -> tuple[int, ...]:
    """Return the order of the axes of the input of the Keras model.

    Args:
        graph: of a file.

    Returns:
        Per Keras axis, the axis in ONNX. Channels become last, unless a Transpose is
        the first operator with an order: then the file was exported from TensorFlow.
    """
    rank = len(graph.shape)
    if rank > 2 and _first_with_order(graph) in CHANNELS_FIRST:
        return (0, *range(2, rank), 1)
    return tuple(range(rank))


def _first_with_order(graph: OnnxGraph) -> str:
    """The first operator, on the way from the input, that tells the order of axes."""
    ordered = CHANNELS_FIRST | {"Transpose", "MatMul", "Reshape", "Flatten"}
    reached = {graph.source}
    for node in graph.nodes:
        if reached & set(node.inputs):
            if node.kind in ordered:
                return node.kind
            reached |= set(node.outputs)
    return ""


def input_shape(path: Path) -> Shape:
    """Return the shape of the rebuilt model's input, without the batch.

    Args:
        path: a file that `check_onnx` accepts.
    """
    graph = read_onnx(path)
    return tuple(graph.shape[axis] for axis in input_order(graph)[1:])


def output_units(path: Path) -> int | None:
    """Return the number of outputs; None if the file does not tell.

    Args:
        path: a file that `check_onnx` accepts.
    """
    graph = read_onnx(path)
    shape = graph.shapes.get(graph.target, ())
    if len(shape) < 2:
        return None
    return shape[1] if len(shape) in (2, 4) else shape[-1]


def inspect_onnx(path: Path) -> dict[str, Any]:
    """Describe an .onnx file.

    Args:
        path: the file.

    Returns:
        As `keras_file.inspect_keras`, with a row per operator, and shapes of ONNX.

    Raises:
        UserError: as `check_onnx`.
    """
    check_onnx(path)
    graph = read_onnx(path)
    rows = [_row(graph, node) for node in graph.nodes]
    source, target = (graph.shapes.get(n, ()) for n in (graph.source, graph.target))
    total = [row["macs"] for row in rows]
    return {
        "file": str(path),
        "format": f"ONNX, opset {graph.opset}, {graph.producer or 'unknown exporter'}",
        "name": graph.name,
        "inputs": [list(graph.shape[1:] or source[1:])],
        "outputs": [list(target[1:])],
        "layers": rows,
        "parameters": _parameters(graph),
        "macs": None if None in total else sum(total),
        "arena_int8": None,
        "unknown": [row["name"] for row in rows if row["shape"] is None],
        "task": _task(graph, target),
        "scaling": "unknown: compress-file tries 0 .. 1, 0 .. 255 and -1 .. 1 on data",
    }


def _row(graph: OnnxGraph, node: Node) -> dict[str, Any]:
    shape = graph.shapes.get(node.outputs[0])
    weights = [graph.constants[n] for n in node.inputs if n in graph.constants]
    floats = [array for array in weights if array.dtype.kind == "f"]
    return {
        "name": node.name,
        "kind": node.kind,
        "shape": None if shape is None else list(shape[1:]),
        "activation": "",
        "parameters": sum(array.size for array in floats),
        "macs": _macs(graph, node, shape),
    }


def _macs(graph: OnnxGraph, node: Node, shape: Shape | None) -> int | None:
    """Multiply-accumulates of one example; 0 for operators without a kernel."""
    if node.kind not in ("Conv", "ConvTranspose", "Gemm", "MatMul"):
        return 0
    kernel = graph.constants.get(node.inputs[1])
    source = graph.shapes.get(node.inputs[0])
    if kernel is None or not shape or not source:
        return None
    positions = {
        "Conv": shape[2:],
        "ConvTranspose": source[2:],
        "MatMul": shape[1:-1],
    }.get(node.kind, ())
    if None in positions:
        return None
    return int(kernel.size) * math.prod(positions)  # type: ignore[arg-type]


def _parameters(graph: OnnxGraph) -> int:
    """Float constants that nodes read, each once."""
    names = {name for node in graph.nodes for name in node.inputs}
    arrays = [graph.constants[name] for name in names if name in graph.constants]
    return sum(int(array.size) for array in arrays if array.dtype.kind == "f")


def _task(graph: OnnxGraph, target: Shape) -> str:
    last = next(node for node in graph.nodes if graph.target in node.outputs)
    kind = {"Softmax": "softmax", "Sigmoid": "sigmoid"}.get(last.kind, "")
    layers = [ConfigLayer(node.name, node.kind) for node in graph.nodes]
    end = ConfigLayer(last.name, last.kind, {"activation": kind})
    output = (*target[2:], target[1]) if len(target) == 4 else target[1:]
    order = input_order(graph)
    source = tuple(graph.shape[axis] for axis in order[1:])
    return task_of_model(layers, end, source, output)
