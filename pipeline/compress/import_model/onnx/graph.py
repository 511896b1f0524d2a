"""A graph of ONNX operators as plain Python objects, without onnx and Keras."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.import_model.onnx.supported import REBUILT
from pipeline.core.errors import UserError
from pipeline.core.quoting import listing, shown

Dimension = int | None


@dataclass(frozen=True)
class Node:
    """One operator of a graph.

    Args:
        name: of the node; if it has none, its class and its output.
        kind: of the operator, such as `Conv`.
        inputs: names of values; empty for an input that is left out.
        outputs: names of values.
        attributes: name -> number, text, list, or array.
    """

    name: str
    kind: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any]


@dataclass(frozen=True)
class OnnxGraph:
    """A graph with one input and one output.

    Args:
        name: of the graph.
        opset: version of the operators.
        nodes: that depend on the input, in the order of their calculation.
        constants: name of a value -> its array.
        source: name of the input.
        batch: that the file was exported with; None if it is open.
        shape: of the input with the batch axis, which is None.
        token_input: True where the input is integers.
        target: name of the output.
        producer: of the file, such as `pytorch 2.9`.
        shapes: name of a value -> its shape, as far as it is inferred.
    """

    name: str
    opset: int
    nodes: tuple[Node, ...]
    constants: dict[str, np.ndarray]
    source: str
    batch: Dimension
    shape: tuple[Dimension, ...]
    token_input: bool
    target: str
    producer: str
    shapes: dict[str, tuple[Dimension, ...]]

    def consumers(self, value: str) -> list[Node]:
        """Return the nodes that read a value.

        Args:
            value: its name.
        """
        return [node for node in self.nodes if value in node.inputs]


def dimension(axis: Any) -> Dimension:
    """Return the size of an axis; None if it is not fixed.

    Args:
        axis: of a shape in protobuf.
    """
    return (
        int(axis.dim_value) if axis.HasField("dim_value") and axis.dim_value else None
    )


def shapes_of(graph: Any) -> dict[str, tuple[Dimension, ...]]:
    """Return the shape of every value that has one, as far as it is fixed.

    Args:
        graph: in protobuf.
    """
    entries = [*graph.input, *graph.value_info, *graph.output]
    return {
        entry.name: tuple(dimension(axis) for axis in entry.type.tensor_type.shape.dim)
        for entry in entries
        if entry.type.tensor_type.HasField("shape")
    }


def node_name(entry: Any) -> str:
    """Return the name of a node; if it has none, its class and its output.

    Args:
        entry: in protobuf.
    """
    output = entry.output[0] if entry.output else ""
    return str(entry.name or f"{entry.op_type}_{output}")


def unsupported(path: Path, name: str, kind: str) -> UserError:
    """Return the error of an operator that cannot be rebuilt.

    Args:
        path: of the file.
        name: of the node.
        kind: of the operator.
    """
    return UserError(
        f'{path}: node "{shown(name)}" is a {shown(kind)}, which cannot be rebuilt in '
        f"Keras; operators that can: {listing(sorted(REBUILT), len(REBUILT))}"
    )
