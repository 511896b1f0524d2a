"""Calculate what does not depend on the input of a graph.

In: nodes in protobuf, and constants. Out: the nodes that remain. The reference
implementation of the package `onnx` runs each of the others once.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.import_model.onnx.graph import (
    Dimension,
    Node,
    node_name,
    shapes_of,
    unsupported,
)
from pipeline.compress.import_model.onnx.supported import REBUILT
from pipeline.core.errors import UserError
from pipeline.core.quoting import shown

LARGEST = 100_000_000  # numbers of a constant that is calculated
BATCH = 0  # in a shape that is calculated: Reshape copies this axis


def wide(array: np.ndarray) -> np.ndarray:
    """Return numbers of 16 and of 64 bits as float32.

    Args:
        array: of any dtype; whole numbers are not changed.
    """
    is_float = array.dtype.kind in "fV" or str(array.dtype) == "bfloat16"
    return array.astype(np.float32) if is_float else array


def remaining_nodes(
    path: Path,
    model: Any,
    opset: int,
    constants: dict[str, np.ndarray],
    source: str,
    shape: tuple[Dimension, ...],
    package: Any,
) -> list[Node]:
    """Return the nodes that depend on the input; others are calculated.

    Args:
        path: of the file, for errors.
        model: in protobuf, with inferred shapes.
        opset: of its operators.
        constants: name -> array; calculated ones are added.
        source: name of the input.
        shape: of the input.
        package: the module `onnx`.

    Raises:
        UserError: for a node that cannot be calculated or rebuilt.
    """
    shapes, nodes = shapes_of(model.graph) | {source: shape}, []
    for entry in model.graph.node:
        attributes = {
            a.name: _attribute(package.helper.get_attribute_value(a), package)
            for a in entry.attribute
        }
        inputs, outputs = tuple(entry.input), tuple(entry.output)
        node = Node(node_name(entry), entry.op_type, inputs, outputs, attributes)
        if node.kind == "Shape" and _is_fixed(shapes.get(inputs[0], ())):
            constants[outputs[0]] = _shape_of(node, shapes[inputs[0]])
        elif all(name in constants for name in inputs if name):
            _check_size(path, node, constants, shapes.get(outputs[0], ()))
            constants |= _calculated(path, entry, node, constants, opset, package)
        elif node.kind in REBUILT:
            nodes.append(node)
        else:
            raise unsupported(path, node.name, node.kind)
    return nodes


def _attribute(value: Any, package: Any) -> Any:
    if isinstance(value, package.TensorProto):
        return wide(package.numpy_helper.to_array(value))
    if isinstance(value, bytes):
        return value.decode()
    return list(value) if isinstance(value, list | tuple) else value


def _is_fixed(shape: tuple[Dimension, ...]) -> bool:
    return bool(shape) and None not in shape[1:]


def _shape_of(node: Node, shape: tuple[Dimension, ...]) -> np.ndarray:
    """A shape as a constant, in which the batch is a zero, which Reshape copies."""
    sizes = np.array([BATCH, *shape[1:]], np.int64)
    begin, end = (node.attributes.get(key) for key in ("start", "end"))
    return sizes[slice(begin, end)]


def _check_size(
    path: Path,
    node: Node,
    constants: dict[str, np.ndarray],
    inferred: tuple[Dimension, ...],
) -> None:
    """Refuse a constant that a few bytes of a file would make too large for memory."""
    sizes = [size or 1 for size in inferred]
    if node.kind in ("ConstantOfShape", "Expand"):
        sizes = [int(size) for size in constants[node.inputs[-1]].reshape(-1)]
    if math.prod(sizes) > LARGEST:
        raise UserError(
            f'{path}: node "{shown(node.name)}" ({node.kind}) makes a constant of '
            f"{math.prod(sizes):,} numbers; {LARGEST:,} are allowed"
        )


def _calculated(
    path: Path,
    entry: Any,
    node: Node,
    constants: dict[str, np.ndarray],
    opset: int,
    package: Any,
) -> dict[str, np.ndarray]:
    """Run one node on constants with the reference implementation."""
    values = {name: constants[name] for name in node.inputs if name}
    helper = package.helper
    ends = [
        [helper.make_value_info(name, package.TypeProto()) for name in names]
        for names in (values, node.outputs)
    ]
    graph = helper.make_graph([entry], "constant", *ends)
    versions = [helper.make_opsetid("", opset)]
    model = helper.make_model(graph, opset_imports=versions)
    try:
        results = package.reference.ReferenceEvaluator(model).run(None, values)
    except Exception as error:  # of wrong shapes and dtypes
        reason = shown((str(error).strip() or "failed").splitlines()[0], 200)
        raise UserError(
            f'{path}: node "{shown(node.name)}" ({node.kind}) cannot be calculated '
            f"({reason}); export the model again"
        ) from None
    return {name: wide(np.asarray(v)) for name, v in zip(node.outputs, results)}
