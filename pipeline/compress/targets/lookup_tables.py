"""Lookup tables of 1 to 7 bits in the place of int8 weights with few distinct values.

In: the bytes of a file. Out: a smaller file for TensorFlow Lite Micro, whose DECODE
operators restore each kernel before it is used, and the tensors that were replaced. A
kernel with one scale gets one table; one with a scale per output channel gets a table
per channel, because the runtime reads one table wrongly there.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.targets.micro_runtime import MicroRun, Refusal, run, start
from pipeline.compress.tflite.inspect import operator_name, parse
from pipeline.compress.tflite.strip import pack, strip

CHILD = Path(__file__).with_name("lookup_child.py")
SECONDS = 600
MAX_BITS = 7
HEADER = 16  # bytes before the tables
# Two tensors, an operator and their vectors; the first table adds an operator code.
OVERHEAD = 192
KERNELS = {"CONV_2D": 1, "DEPTHWISE_CONV_2D": 1, "FULLY_CONNECTED": 1}  # their input
INT8 = 9  # code of the type in the schema


@dataclass(frozen=True)
class Table:
    """A kernel that is smaller as indices and tables.

    Args:
        graph, tensor: numbers of the subgraph and of the tensor in it.
        bits: of an index.
        axis: of the channels; -1 is one table for the whole tensor.
        saved: estimate of the bytes that the file loses.
    """

    graph: int
    tensor: int
    bits: int
    axis: int
    saved: int

    @property
    def text(self) -> str:
        """The tensor and its table, as printed."""
        tables = "one table" if self.axis < 0 else "a table per channel"
        return f"tensor {self.tensor}: {self.bits} bits, {tables}"

    @property
    def spec(self) -> tuple[int, int, int, int]:
        """What the child process needs."""
        return (self.graph, self.tensor, self.bits, self.axis)


@dataclass(frozen=True)
class Lookup:
    """A file with lookup tables that computes what the file without them does.

    Args:
        file: its bytes.
        run: the file in the runtime.
        tables: the kernels that were replaced.
        left_out: the kernels that stayed, because outputs would have changed.
    """

    file: bytes
    run: MicroRun
    tables: list[Table]
    left_out: list[Table]


def smallest(content: bytes, inputs: np.ndarray, outputs: np.ndarray) -> Lookup | None:
    """Replace every kernel for which a table pays and changes no output.

    Args:
        content: bytes of a .tflite file.
        inputs: examples `(n, ...)`, in the dtype of the file's input.
        outputs: what the runtime answers without tables, `(n, ...)`.

    Returns:
        The smaller file; None where there is none.
    """
    tables = tables_of(content)
    lookup = _try(content, tables, inputs, outputs)
    if lookup or len(tables) < 2:
        return lookup
    kept = [table for table in tables if _try(content, [table], inputs, outputs)]
    lookup = _try(content, kept, inputs, outputs)
    left_out = [table for table in tables if table not in kept]
    return replace(lookup, left_out=left_out) if lookup else None


def _try(
    content: bytes, tables: list[Table], inputs: np.ndarray, outputs: np.ndarray
) -> Lookup | None:
    """The file with these tables, if it is smaller and equal bit for bit."""
    file = encode(content, tables) if tables else "nothing to encode"
    if isinstance(file, str) or len(file) >= len(content):
        return None
    result = run(file, inputs)
    if isinstance(result, Refusal) or not np.array_equal(result.outputs, outputs):
        return None
    return Lookup(file, result, tables, [])


def tables_of(content: bytes) -> list[Table]:
    """Find the kernels for which a table pays.

    Args:
        content: bytes of a .tflite file.

    Returns:
        One table per kernel, in the order of the file.
    """
    model = parse(content)
    tables: dict[tuple[int, int], Table] = {}
    for number, graph in enumerate(model.subgraphs):
        for operator in graph.operators or ():
            kind = operator_name(model.operatorCodes[operator.opcodeIndex])
            if kind in KERNELS:
                index = int(operator.inputs[KERNELS[kind]])
                table = _table(number, index, graph.tensors[index], model)
                if table and table.saved > 0:
                    tables[number, index] = table
    return list(tables.values())


def encode(content: bytes, tables: Sequence[Table]) -> bytes | str:
    """Replace kernels by tables.

    Args:
        content: bytes of a .tflite file.
        tables: some of `tables_of`.

    Returns:
        Bytes of the file with DECODE operators, or why there is none.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "model.tflite").write_bytes(_with_builtin_codes(content))
        specs = json.dumps([table.spec for table in tables])
        (folder / "specs.json").write_text(specs)
        ended = start(CHILD, [name], SECONDS)
        file = folder / "tables.tflite"
        return strip(file.read_bytes()) if file.exists() else f"the encoder {ended}"


def _table(number: int, index: int, tensor: Any, model: Any) -> Table | None:
    data = model.buffers[tensor.buffer].data
    if tensor.type != INT8 or data is None or not len(data):
        return None
    shape = [int(size) for size in tensor.shape]
    values = np.asarray(data, np.uint8).view(np.int8).reshape(shape)
    axis = _axis(tensor)
    if axis not in (-1, 0, len(shape) - 1):
        return None
    slices = [values] if axis < 0 else list(np.moveaxis(values, axis, 0))
    longest = max(len(np.unique(part)) for part in slices)
    bits = max(1, (longest - 1).bit_length())
    if bits > MAX_BITS:
        return None
    packed = -(-values.size * bits // 8)
    saved = values.size - packed - HEADER - longest * len(slices) - OVERHEAD
    return Table(number, index, bits, axis, saved)


def _axis(tensor: Any) -> int:
    """Axis of the scales; -1 for one scale."""
    quantization = tensor.quantization
    several = quantization is not None and quantization.scale is not None
    several = several and len(quantization.scale) > 1
    return int(quantization.quantizedDimension) if several else -1


def _with_builtin_codes(content: bytes) -> bytes:
    """Copy codes that stand in the old field only, which the encoder does not read."""
    model = parse(content)
    codes = model.operatorCodes
    if all(code.builtinCode or not code.deprecatedBuiltinCode for code in codes):
        return content
    for code in codes:
        code.builtinCode = max(code.builtinCode, code.deprecatedBuiltinCode)
    return pack(model, len(content))
