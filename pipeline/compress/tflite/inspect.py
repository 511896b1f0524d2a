"""Facts of a .tflite file, read back from its bytes.

In: the bytes. Out: the tensors and operators that the file holds, its sizes, zeros and
distinct weights, and the cost of running it. TensorFlow is not imported.
"""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from pipeline.compress.tflite import cost
from pipeline.core.decoding import reason_of
from pipeline.core.errors import UserError
from pipeline.inference.model_check import IDENTIFIER

FLOATS = ("float16", "float32", "float64")


def _names(enum: type) -> dict[int, str]:
    return {code: name for name, code in vars(enum).items() if name[0] != "_"}


DTYPES = {code: name.lower() for code, name in _names(schema.TensorType).items()}
OPERATORS = _names(schema.BuiltinOperator)


@dataclass(frozen=True)
class Tensor:
    """One tensor of a file.

    Args:
        name: its name; may be empty.
        dtype: such as `int8`.
        shape: its shape; empty for a scalar.
        values: the stored numbers, flat; None for a tensor that is computed.
        zero_points: of the quantization; empty without.
        scales: number of scales of the quantization; default 0.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    values: np.ndarray | None
    zero_points: tuple[int, ...]
    scales: int = 0

    @property
    def is_weight(self) -> bool:
        """True for a stored parameter; integers without a scale are shapes or axes."""
        parameter = self.dtype not in ("int32", "int64") or self.zero_points
        return self.values is not None and bool(parameter)

    @property
    def is_kernel(self) -> bool:
        """True for a stored parameter with at least two axes longer than 1."""
        return self.is_weight and sum(size > 1 for size in self.shape) > 1

    @property
    def size(self) -> int:
        """Number of stored values."""
        return 0 if self.values is None else self.values.size

    @property
    def distinct(self) -> int:
        """Number of distinct stored values."""
        return 0 if self.values is None else len(np.unique(self.values))

    @property
    def zeros(self) -> int:
        """Number of stored values that represent exactly zero."""
        center = self.zero_points[0] if len(set(self.zero_points)) == 1 else 0
        return int(np.count_nonzero(self.values == center))


@dataclass(frozen=True)
class Facts:
    """Contents of a file.

    Args:
        bytes_raw: size in bytes.
        bytes_gzip: size in bytes after `gzip -9`.
        tensor_dtypes: number of tensors per dtype.
        operators: number of operators per kind; custom ones under their own names.
        weights: number of stored parameters, biases included.
        sparsity: fraction of the kernels' values that is exactly zero.
        kernel_dtypes: dtypes of the kernels.
        io_dtypes: dtypes of input and output.
        float_operators: kinds of the operators that read or write a float tensor, with
            repeats.
        per_channel: True when a kernel has one scale per output channel.
        distinct: number of distinct values per kernel.
        macs: multiply-accumulates of one example; None for a graph with a loop.
    """

    bytes_raw: int
    bytes_gzip: int
    tensor_dtypes: dict[str, int]
    operators: dict[str, int]
    weights: int
    sparsity: float
    kernel_dtypes: frozenset[str]
    io_dtypes: tuple[str, str]
    float_operators: tuple[str, ...]
    per_channel: bool
    distinct: tuple[int, ...]
    macs: int | None


def read_facts(content: bytes) -> Facts:
    """Read the facts of a .tflite file.

    Args:
        content: bytes of the file.

    Raises:
        UserError: when the bytes are not a .tflite file.
    """
    with reading(content):
        return _facts(content, parse(content))


def _facts(content: bytes, model: Any) -> Facts:
    tensors = [
        [read_tensor(tensor, model) for tensor in graph.tensors]
        for graph in model.subgraphs
    ]
    flat = [tensor for graph in tensors for tensor in graph]
    kernels = [tensor for tensor in flat if tensor.is_kernel]
    first = model.subgraphs[0]
    return Facts(
        bytes_raw=len(content),
        bytes_gzip=gzip_size(content),
        tensor_dtypes=_counted(tensor.dtype for tensor in flat),
        operators=_counted(name for name, _ in _operators(model, tensors)),
        weights=sum(tensor.size for tensor in flat if tensor.is_weight),
        sparsity=_sparsity(kernels),
        kernel_dtypes=frozenset(tensor.dtype for tensor in kernels),
        io_dtypes=(
            tensors[0][first.inputs[0]].dtype,
            tensors[0][first.outputs[0]].dtype,
        ),
        float_operators=tuple(_float_operators(model, tensors)),
        per_channel=any(tensor.scales > 1 for tensor in kernels),
        distinct=tuple(tensor.distinct for tensor in kernels),
        macs=cost.macs(model),
    )


def stored_tensors(content: bytes) -> dict[str, np.ndarray]:
    """Read the tensors that are stored in a .tflite file.

    Args:
        content: bytes of the file.

    Returns:
        `number name` -> values, flat.

    Raises:
        UserError: when the bytes are not a .tflite file.
    """
    with reading(content):
        model = parse(content)
        graphs = model.subgraphs
        tensors = [read_tensor(tensor, model) for g in graphs for tensor in g.tensors]
        return {
            f"{number} {tensor.name}": tensor.values
            for number, tensor in enumerate(tensors)
            if tensor.values is not None
        }


def gzip_size(content: bytes) -> int:
    """Return the number of bytes after `gzip -9`, without a time stamp."""
    return len(gzip.compress(content, 9, mtime=0))


def parse(content: bytes) -> Any:
    """Read a .tflite file as objects of its schema.

    Args:
        content: bytes of the file.

    Returns:
        `ModelT` of the schema.

    Raises:
        UserError: when the bytes are not a .tflite file.
    """
    with reading(content):
        if content[4:8] != IDENTIFIER:
            raise ValueError("the file identifier TFL3 is missing")
        return schema.ModelT.InitFromObj(schema.Model.GetRootAs(content, 0))


@contextmanager
def reading(content: bytes) -> Iterator[None]:
    """Turn whatever a damaged file raises inside the block into one error.

    Args:
        content: bytes of the .tflite file.

    Raises:
        UserError: one that is raised inside is kept.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:
        raise UserError(
            f"{len(content)} bytes are not a .tflite file ({reason_of(error)}); build "
            "it again"
        ) from error


def read_tensor(source: Any, model: Any) -> Tensor:
    """Read one tensor of a file.

    Args:
        source: `TensorT` of the schema.
        model: the `ModelT` that it is part of.
    """
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
    """The stored numbers; int4 has two per byte."""
    if data is None or not len(data):
        return None
    raw = np.asarray(data, np.uint8)
    if dtype == "int4":
        return (np.stack([raw << 4, raw], -1).astype(np.int8) >> 4).ravel()
    return raw.view(dtype) if dtype in np.sctypeDict else raw


def _operators(
    model: Any, tensors: list[list[Tensor]]
) -> Iterator[tuple[str, list[Tensor]]]:
    """Kind of every operator, and the tensors that it reads and writes."""
    codes = [operator_name(code) for code in model.operatorCodes]
    for graph, in_graph in zip(model.subgraphs, tensors, strict=True):
        for operator in graph.operators or ():
            indices = [*_list(operator.inputs), *_list(operator.outputs)]
            used = [in_graph[index] for index in indices if index >= 0]
            yield codes[operator.opcodeIndex], used


def operator_name(code: Any) -> str:
    """Return an operator's kind; small codes are in an older field of one byte.

    Args:
        code: `OperatorCodeT` of the schema.
    """
    if code.customCode:
        return str(code.customCode.decode())
    return OPERATORS[max(code.builtinCode, code.deprecatedBuiltinCode)]


def _float_operators(model: Any, tensors: list[list[Tensor]]) -> Iterator[str]:
    for name, used in _operators(model, tensors):
        if any(tensor.dtype in FLOATS for tensor in used):
            yield name


def _counted(names: Iterator[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _sparsity(kernels: list[Tensor]) -> float:
    total = sum(tensor.size for tensor in kernels)
    return sum(tensor.zeros for tensor in kernels) / total if total else 0.0
