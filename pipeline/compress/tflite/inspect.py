"""The truth about a .tflite file, read from its bytes and not from what was asked.

In: the bytes. Out: what tensors and operators the file really holds, its sizes,
zeros, distinct weights, and what it costs to run. TensorFlow is not imported.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from pipeline.compress.tflite import cost
from pipeline.core.errors import UserError

FLOATS = ("float16", "float32", "float64")
MARK = b"TFL3"


def _names(enum: type) -> dict[int, str]:
    return {code: name for name, code in vars(enum).items() if name[0] != "_"}


DTYPES = {code: name.lower() for code, name in _names(schema.TensorType).items()}
OPERATORS = _names(schema.BuiltinOperator)


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file; `values` are there when they are stored in it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    values: np.ndarray | None
    zero_points: tuple[int, ...]
    scales: int = 0

    @property
    def is_weight(self) -> bool:
        """A stored parameter; a whole number without scale is a shape or an axis."""
        measured = self.dtype not in ("int32", "int64") or self.zero_points
        return self.values is not None and bool(measured)

    @property
    def is_kernel(self) -> bool:
        """A stored parameter of rank 2 and more: what pruning makes zeros in."""
        return self.is_weight and sum(size > 1 for size in self.shape) > 1

    @property
    def zeros(self) -> int:
        """How many values mean exactly zero."""
        center = self.zero_points[0] if len(set(self.zero_points)) == 1 else 0
        return int(np.count_nonzero(self.values == center))


@dataclass(frozen=True)
class Facts:
    """What a file holds.

    Attributes:
        tensor_dtypes: number of tensors per dtype.
        operators: number of operators per kind; a custom one by its own name.
        weights: stored parameters, biases among them.
        sparsity: part of the kernels' values that is exactly zero.
        kernel_dtypes: dtypes of the kernels.
        ends: dtypes of input and output.
        floats: the operators that read or write a float tensor.
        per_channel: whether a kernel has a scale for each output channel.
        distinct: how many different values each kernel holds.
        macs: multiply-accumulates of one example; None where a loop decides.
        arena: bytes that tensors need at once, an estimate (`cost.arena_bytes`).
    """

    bytes_raw: int
    bytes_gzip: int
    tensor_dtypes: dict[str, int]
    operators: dict[str, int]
    weights: int
    sparsity: float
    kernel_dtypes: frozenset[str]
    ends: tuple[str, str]
    floats: tuple[str, ...]
    per_channel: bool
    distinct: tuple[int, ...]
    macs: int | None
    arena: int


def read_facts(content: bytes) -> Facts:
    """Read a .tflite file.

    Raises:
        UserError: when the bytes are no .tflite file.
    """
    model = parse(content)
    tensors = [
        [_tensor(each, model) for each in graph.tensors] for graph in model.subgraphs
    ]
    every = [tensor for graph in tensors for tensor in graph]
    kernels = [tensor for tensor in every if tensor.is_kernel]
    first = model.subgraphs[0]
    return Facts(
        bytes_raw=len(content),
        bytes_gzip=gzip_size(content),
        tensor_dtypes=_counted(tensor.dtype for tensor in every),
        operators=_counted(name for name, _ in _operators(model, tensors)),
        weights=sum(tensor.values.size for tensor in every if tensor.is_weight),
        sparsity=_sparsity(kernels),
        kernel_dtypes=frozenset(tensor.dtype for tensor in kernels),
        ends=(tensors[0][first.inputs[0]].dtype, tensors[0][first.outputs[0]].dtype),
        floats=tuple(_floats(model, tensors)),
        per_channel=any(tensor.scales > 1 for tensor in kernels),
        distinct=tuple(len(np.unique(tensor.values)) for tensor in kernels),
        macs=cost.macs(model),
        arena=cost.arena_bytes(model.subgraphs[0]),
    )


def stored_tensors(content: bytes) -> dict[str, np.ndarray]:
    """Name -> values of every tensor that is stored in a .tflite file.

    Raises:
        UserError: when the bytes are no .tflite file.
    """
    model = parse(content)
    tensors = [
        _tensor(each, model) for graph in model.subgraphs for each in graph.tensors
    ]
    return {
        f"{at} {tensor.name}": tensor.values
        for at, tensor in enumerate(tensors)
        if tensor.values is not None
    }


def gzip_size(content: bytes) -> int:
    """Bytes after gzip -9, without a time stamp."""
    return len(gzip.compress(content, 9, mtime=0))


def parse(content: bytes) -> Any:
    """The file as objects of the schema; a UserError when it is no .tflite file."""
    try:
        if content[4:8] != MARK:
            raise ValueError("the mark TFL3 is missing")
        return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))
    except Exception as error:
        raise UserError(
            f"{len(content)} bytes are no .tflite file ({error}); build it again"
        ) from error


def _tensor(source: Any, model: Any) -> Tensor:
    dtype = DTYPES[source.type]
    shape = tuple(int(size) for size in _list(source.shape))
    quantization = source.quantization
    zeros = _list(quantization.zeroPoint) if quantization else []
    values = _values(model.buffers[source.buffer].data, dtype)
    name = source.name.decode() if source.name else ""
    scales = len(_list(quantization.scale)) if quantization else 0
    return Tensor(name, dtype, shape, values, tuple(map(int, zeros)), scales)


def _list(values: Any) -> list[Any]:
    return [] if values is None else list(values)


def _values(data: Any, dtype: str) -> np.ndarray | None:
    """The stored numbers; two to a byte for int4."""
    if data is None or not len(data):
        return None
    raw = np.asarray(data, np.uint8)
    if dtype == "int4":
        return (np.stack([raw << 4, raw], -1).astype(np.int8) >> 4).ravel()
    return raw.view(dtype) if dtype in np.sctypeDict else raw


def _operators(
    model: Any, tensors: list[list[Tensor]]
) -> Iterator[tuple[str, list[Tensor]]]:
    """Name of every operator, and the tensors that it reads and writes."""
    codes = [_operator_name(code) for code in model.operatorCodes]
    for graph, own in zip(model.subgraphs, tensors, strict=True):
        for operator in graph.operators or ():
            ends = [*_list(operator.inputs), *_list(operator.outputs)]
            yield codes[operator.opcodeIndex], [own[end] for end in ends if end >= 0]


def _operator_name(code: Any) -> str:
    """The operator's name; small codes stand in an older field of one byte."""
    if code.customCode:
        return code.customCode.decode()
    return OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]


def _floats(model: Any, tensors: list[list[Tensor]]) -> Iterator[str]:
    for name, ends in _operators(model, tensors):
        if any(tensor.dtype in FLOATS for tensor in ends):
            yield name


def _counted(names: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _sparsity(kernels: list[Tensor]) -> float:
    total = sum(tensor.values.size for tensor in kernels)
    return sum(tensor.zeros for tensor in kernels) / total if total else 0.0
