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
SMALL = 1_000  # numbers of an input whose values tell the shape of an output
BATCH = 0  # of several examples, in a shape that is calculated: Reshape copies it


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
    stored = set(constants)
    for entry in model.graph.node:
        attributes = {
            a.name: _attribute(package.helper.get_attribute_value(a), package)
            for a in entry.attribute
        }
        inputs, outputs = tuple(entry.input), tuple(entry.output)
        node = Node(node_name(entry), entry.op_type, inputs, outputs, attributes)
        if node.kind == "Shape" and _is_fixed(known := shapes.get(inputs[0], ())):
            axes = known if shape[0] == 1 else (BATCH, *known[1:])
            constants[outputs[0]] = _shape_of(node, axes)
        elif all(name in constants for name in inputs if name):
            graph = _alone(entry, node, constants, package)
            sizes = [v.size for name, v in constants.items() if name not in stored]
            _check_size(path, node, _model(graph, opset, package), sum(sizes), package)
            constants |= _calculated(path, node, graph, constants, opset, package)
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
    if isinstance(value, list | tuple):
        return [_attribute(part, package) for part in value]
    return value


def _is_fixed(shape: tuple[Dimension, ...]) -> bool:
    return bool(shape) and None not in shape


def _shape_of(node: Node, shape: tuple[Dimension, ...]) -> np.ndarray:
    sizes = np.array(shape, np.int64)
    begin, end = (node.attributes.get(key) for key in ("start", "end"))
    return sizes[slice(begin, end)]


def _alone(
    entry: Any, node: Node, constants: dict[str, np.ndarray], package: Any
) -> Any:
    """Return a graph of one node, in which small inputs have their values."""
    helper = package.helper
    values = {name: constants[name] for name in node.inputs if name}
    inputs = [
        helper.make_tensor_value_info(
            name, helper.np_dtype_to_tensor_dtype(value.dtype), value.shape
        )
        for name, value in values.items()
    ]
    outputs = [helper.make_value_info(n, package.TypeProto()) for n in node.outputs]
    small = [
        package.numpy_helper.from_array(value, name)
        for name, value in values.items()
        if value.size <= SMALL
    ]
    return helper.make_graph([entry], "constant", inputs, outputs, small)


def _model(graph: Any, opset: int, package: Any) -> Any:
    versions = [package.helper.make_opsetid("", opset)]
    return package.helper.make_model(graph, opset_imports=versions)


def _check_size(
    path: Path, node: Node, model: Any, calculated: int, package: Any
) -> None:
    """Refuse a constant that a few bytes of a file would make too large for memory.

    Its shape is inferred from the values of its inputs; what the file says of it may
    be wrong.
    """
    try:
        outputs = package.shape_inference.infer_shapes(model).graph.output
    except Exception as error:  # of wrong shapes and dtypes
        raise _not_calculated(path, node, error) from None
    kinds = [entry.type.tensor_type for entry in outputs if entry.name]
    axes = [axis for kind in kinds for axis in kind.shape.dim]
    known = all(kind.HasField("shape") for kind in kinds)
    if not known or not all(axis.HasField("dim_value") for axis in axes):
        raise _not_calculated(path, node, ValueError("its shape is not known"))
    count = sum(math.prod(axis.dim_value for axis in k.shape.dim) for k in kinds)
    if count + calculated > LARGEST:
        raise UserError(
            f'{path}: node "{shown(node.name)}" ({node.kind}) makes a constant of '
            f"{count:,} numbers; {LARGEST:,} are allowed in all"
        )


def _calculated(
    path: Path,
    node: Node,
    graph: Any,
    constants: dict[str, np.ndarray],
    opset: int,
    package: Any,
) -> dict[str, np.ndarray]:
    """Run one node on constants with the reference implementation."""
    values = {name: constants[name] for name in node.inputs if name}
    try:
        model = _model(graph, opset, package)
        results = package.reference.ReferenceEvaluator(model).run(None, values)
    except Exception as error:  # of wrong shapes and dtypes
        raise _not_calculated(path, node, error) from None
    return {name: wide(np.asarray(v)) for name, v in zip(node.outputs, results)}


def _not_calculated(path: Path, node: Node, error: Exception) -> UserError:
    reason = shown((str(error).strip() or "failed").splitlines()[0], 200)
    return UserError(
        f'{path}: node "{shown(node.name)}" ({node.kind}) cannot be calculated '
        f"({reason}); export the model again"
    )
