"""Read an .onnx file as a list of nodes, and refuse at once what cannot be rebuilt.

In: a path. Out: an `OnnxGraph`: nodes in the order of their calculation, constants as
arrays, and the shapes of input and output. Everything that constants alone determine is
calculated here, with the reference implementation of the package `onnx`. No TensorFlow.
"""

from __future__ import annotations

import math
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.import_model.onnx.constants import LARGEST, remaining_nodes, wide
from pipeline.compress.import_model.onnx.graph import (
    Dimension,
    Node,
    OnnxGraph,
    dimension,
    node_name,
    shapes_of,
    unsupported,
)
from pipeline.compress.import_model.onnx.supported import OPERATORS, SUFFIX
from pipeline.core.errors import UserError
from pipeline.core.quoting import shown

OPSETS = (7, 26)  # of the operators' definitions that the rebuilding follows
AGAIN = "export it again"
EXPORT = "export it with one dynamic axis at most, the batch"
PROPAGATED = 10_000_000  # numbers of vectors whose values give shapes
ONE = 1  # example, where the batch of a file is open
MAX_BATCH = 1024  # examples that the rebuilt model is compared on
MAX_BYTES = 2**31 - 1  # of a protobuf message


def read_onnx(path: Path) -> OnnxGraph:
    """Read an .onnx file.

    Args:
        path: the file.

    Raises:
        UserError: names the file, and the node or the setting that cannot be rebuilt.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; give an {SUFFIX} file")
    state = path.stat()
    return _read(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1)
def _read(path: Path, changed: int, size: int) -> OnnxGraph:
    package = onnx_package(path)
    model = _parsed(path, package)
    opset = _opset(path, model)
    _check_operators(path, model.graph)
    _check_complete(path, model, package)
    constants = _initializers(model, package)
    source, batch, shape, tokens = _input(path, model, package)
    fixed = (batch or ONE, *shape[1:])
    model = _inferred(_for_one_example(model, source), package)
    nodes = remaining_nodes(path, model, opset, constants, source, fixed, package)
    _check_sizes(path, model.graph)
    if (batch or 1) > MAX_BATCH:
        raise UserError(
            f'{path}: its input "{shown(source)}" holds {batch:,} examples at once '
            f"(at most {MAX_BATCH:,}): {EXPORT}"
        )
    target = _output(path, model.graph, source, nodes)
    return OnnxGraph(
        model.graph.name or path.stem,
        opset,
        tuple(_needed(nodes, target)),
        constants,
        source,
        batch,
        shape,
        tokens,
        target,
        f"{model.producer_name} {model.producer_version}".strip(),
        shapes_of(model.graph),
    )


def onnx_package(path: Path) -> Any:
    """Import the package `onnx`, which is an extra.

    Args:
        path: of the file that needs it, for the error.

    Raises:
        UserError: when it is not installed; says how to install it.
    """
    try:
        import onnx
        import onnx.reference
        import onnx.shape_inference
    except ImportError:
        raise UserError(
            f"{path}: ONNX files need the package onnx: pip install "
            "'keras-frontier-pipeline[onnx]'"
        ) from None
    return onnx


def _parsed(path: Path, package: Any) -> Any:
    if path.stat().st_size > MAX_BYTES:
        raise UserError(f"{path}: has {path.stat().st_size:,} bytes; ONNX ends at 2 GB")
    try:
        model = package.load(path, load_external_data=False)
    except Exception as error:  # protobuf raises what it meets
        raise _damaged(path, error) from None
    if not model.graph.node:
        raise UserError(f"{path}: not a complete ONNX model (no operators); {AGAIN}")
    return model


def _check_complete(path: Path, model: Any, package: Any) -> None:
    for tensor in model.graph.initializer:
        if tensor.data_location == package.TensorProto.EXTERNAL:
            raise UserError(
                f'{path}: the weights "{shown(tensor.name)}" are in another file '
                "(external data); save one file: onnx.save(onnx.load(FILE), "
                '"model.onnx", save_as_external_data=False)'
            )
    try:
        package.checker.check_model(model, full_check=False)
    except Exception as error:  # of a damaged graph
        raise _damaged(path, error) from None


def _damaged(path: Path, error: Exception) -> UserError:
    reason = shown((str(error).strip() or "damaged").splitlines()[0], 200)
    return UserError(f"{path}: not a complete ONNX model ({reason}); {AGAIN}")


def _opset(path: Path, model: Any) -> int:
    versions = {entry.domain: int(entry.version) for entry in model.opset_import}
    version = versions.get("", versions.get("ai.onnx", 0))
    lowest, highest = OPSETS
    if not lowest <= version <= highest:
        raise UserError(
            f"{path}: its operators are of opset {version}; {lowest} to {highest} can "
            f"be rebuilt: export it again with opset_version={min(highest, 20)}"
        )
    return version


def _check_operators(path: Path, graph: Any) -> None:
    for entry in graph.node:
        if entry.domain not in ("", "ai.onnx") or entry.op_type not in OPERATORS:
            kind = "::".join(filter(None, [entry.domain, entry.op_type]))
            raise unsupported(path, node_name(entry), kind)


def _initializers(model: Any, package: Any) -> dict[str, np.ndarray]:
    read = package.numpy_helper.to_array
    return {tensor.name: wide(read(tensor)) for tensor in model.graph.initializer}


def _input(
    path: Path, model: Any, package: Any
) -> tuple[str, Dimension, tuple[Dimension, ...], bool]:
    """Return name, batch, shape without it, and whether it is whole numbers."""
    stored = {tensor.name for tensor in model.graph.initializer}
    inputs = [entry for entry in model.graph.input if entry.name not in stored]
    outputs = len(model.graph.output)
    if len(inputs) != 1 or outputs != 1:
        raise UserError(
            f"{path}: has {len(inputs)} inputs and {outputs} outputs; compression "
            "needs exactly one of each"
        )
    kind = inputs[0].type.tensor_type
    shape = tuple(dimension(axis) for axis in kind.shape.dim)
    unknown = [k for k, axis in enumerate(shape) if k and (axis is None or axis < 1)]
    if len(shape) < 2 or unknown:
        raise UserError(
            f'{path}: its input "{shown(inputs[0].name)}" has the shape '
            f"{_written(kind.shape.dim)}; every axis but the first needs a fixed size: "
            f"{EXPORT}"
        )
    integers = kind.elem_type in (package.TensorProto.INT32, package.TensorProto.INT64)
    return inputs[0].name, shape[0], (None, *shape[1:]), integers


def _written(axes: Any) -> str:
    sizes = [str(dimension(axis) or axis.dim_param or "?") for axis in axes]
    return f"({', '.join(sizes)})"


def _for_one_example(model: Any, source: str) -> Any:
    """Fix an open batch, so that all shapes are known."""
    entry = next(entry for entry in model.graph.input if entry.name == source)
    axis = entry.type.tensor_type.shape.dim[0]
    if not dimension(axis):
        axis.dim_value = ONE
    return model


def _inferred(model: Any, package: Any) -> Any:
    """Add inferred shapes; a graph whose shapes do not fit is refused by Keras.

    Shapes that depend on constants follow only where these are small: the propagation
    of values copies them from node to node.
    """
    infer = package.shape_inference.infer_shapes
    try:
        inferred = infer(model)
        shapes = shapes_of(infer(_without_shapes(model)).graph).values()
        sizes = [math.prod(filter(None, shape)) for shape in shapes if len(shape) < 2]
        return infer(model, data_prop=True) if sum(sizes) < PROPAGATED else inferred
    except Exception:  # of a damaged graph: it is refused where it is rebuilt
        return model


def _check_sizes(path: Path, graph: Any) -> None:
    """Refuse values that do not fit into memory, on which the file would be run."""
    for name, shape in shapes_of(graph).items():
        numbers = math.prod(filter(None, shape))
        if numbers > LARGEST:
            raise UserError(
                f'{path}: "{shown(name)}" has {numbers:,} numbers; {LARGEST:,} are '
                "allowed"
            )


def _without_shapes(model: Any) -> Any:
    """A copy without the shapes that the file states, which may be wrong."""
    copied = type(model)()
    copied.CopyFrom(model)
    del copied.graph.value_info[:]
    return copied


def _output(path: Path, graph: Any, source: str, nodes: list[Node]) -> str:
    target = str(graph.output[0].name)
    if not any(target in node.outputs for node in nodes):
        raise UserError(
            f'{path}: its output "{shown(target)}" does not depend on its input '
            f'"{shown(source)}"; export the model again'
        )
    return target


def _needed(nodes: list[Node], target: str) -> list[Node]:
    """The nodes that the output depends on, in the same order."""
    wanted, needed = {target}, []
    for node in reversed(nodes):
        if wanted & set(node.outputs):
            needed.append(node)
            wanted |= set(node.inputs)
    return needed[::-1]
