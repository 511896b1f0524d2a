"""Check the structure of a .tflite file before the runtime opens it.

The runtime trusts its files: an index beyond a list, or a tensor larger than its
buffer, ends the process. In: the bytes of a file. Out: nothing, or an error. The
operators themselves are the runtime's to check.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

IDENTIFIER = b"TFL3"  # bytes 4 .. 7 of every file
OPTIONAL = -1  # index of an input that an operator does without
# Bits per number; types that are not listed have no fixed size.
BITS = {
    getattr(schema.TensorType, name): bits
    for names, bits in (
        (("INT4", "UINT4"), 4),
        (("INT8", "UINT8", "BOOL"), 8),
        (("INT16", "UINT16", "FLOAT16", "BFLOAT16"), 16),
        (("INT32", "UINT32", "FLOAT32"), 32),
        (("INT64", "UINT64", "FLOAT64", "COMPLEX64"), 64),
    )
    for name in names
    if hasattr(schema.TensorType, name)
}
MAX_NUMBERS = 2**40  # in a tensor; more than any memory


def check_model(content: bytes) -> None:
    """Check that everything in a file that refers to something else finds it.

    Args:
        content: bytes of the file.

    Raises:
        ValueError: in words, or whatever reading a damaged file leads to.
    """
    if content[4:8] != IDENTIFIER:
        raise ValueError("the file identifier TFL3 is missing")
    model = schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    if not model.subgraphs:
        raise ValueError("it holds no graph")
    for graph in model.subgraphs:
        for tensor in _list(graph.tensors):
            _check_tensor(tensor, model)
        for operator in _list(graph.operators):
            _check_index(operator.opcodeIndex, model.operatorCodes, "operator code")
        for index in _references(graph):
            _check_index(index, graph.tensors, "tensor")


def _references(graph: Any) -> Iterator[int]:
    """Yield every index of a tensor in a graph; those left out by operators not."""
    yield from map(int, (*_list(graph.inputs), *_list(graph.outputs)))
    for operator in _list(graph.operators):
        yield from (int(i) for i in _list(operator.inputs) if i != OPTIONAL)
        yield from map(int, _list(operator.outputs))


def _check_tensor(tensor: Any, model: Any) -> None:
    _check_index(tensor.buffer, model.buffers, "buffer")
    shape = [int(size) for size in _list(tensor.shape)]
    if min(shape, default=1) < 0 or math.prod(shape) > MAX_NUMBERS:
        raise ValueError(f"a tensor has the shape {shape[:8]}")
    data = model.buffers[tensor.buffer].data
    stored = 0 if data is None else np.asarray(data).size
    if stored and tensor.type in BITS and tensor.sparsity is None:
        needed = -(-math.prod(shape) * BITS[tensor.type] // 8)
        if stored != needed:
            raise ValueError(f"a tensor of {needed} bytes has a buffer of {stored}")
    _check_quantization(tensor, shape)


def _check_quantization(tensor: Any, shape: list[int]) -> None:
    """Check that there are as many scales as channels, or one, and zero points."""
    if tensor.quantization is None:
        return
    axis = tensor.quantization.quantizedDimension
    scales = len(_list(tensor.quantization.scale))
    zeros = len(_list(tensor.quantization.zeroPoint))
    if scales > 1 and not (0 <= axis < len(shape) and scales == shape[axis]):
        raise ValueError(f"a tensor of the shape {shape[:8]} has {scales} scales")
    if scales and zeros not in (0, 1, scales):
        raise ValueError(f"a tensor has {scales} scales and {zeros} zero points")


def _check_index(index: int, items: Any, kind: str) -> None:
    if not 0 <= index < len(_list(items)):
        raise ValueError(f"it refers to {kind} {index} of {len(_list(items))}")


def _list(values: Iterable[Any] | None) -> Any:
    return () if values is None else values
