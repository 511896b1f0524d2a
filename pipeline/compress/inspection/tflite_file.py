"""Operators, sizes and memory of a .tflite file; nothing is run.

In: a .tflite file. Out: a JSON object, with a row per operator of the main graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.compress.tflite import arena, cost
from pipeline.compress.tflite.inspect import (
    Tensor,
    operator_name,
    parse,
    read_facts,
    read_tensor,
)

# Dtypes of a quantized input, and what they can store.
STORED = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}


def inspect_tflite(path: Path) -> dict[str, Any]:
    """Describe a .tflite file.

    Args:
        path: the file.

    Returns:
        As `keras_file.inspect_keras`; `arena` is that of TensorFlow Lite Micro, and
        `dtypes`, `sparsity`, `bytes` and `bytes_gzip` are of the file.

    Raises:
        UserError: when the bytes are not a .tflite file.
    """
    content = path.read_bytes()
    model, facts = parse(content), read_facts(content)
    graph = model.subgraphs[0]
    tensors = [read_tensor(tensor, model) for tensor in graph.tensors]
    return {
        "file": str(path),
        "format": f".tflite, {_precision(facts.float_operators, facts.kernel_dtypes)}",
        "name": path.stem,
        "inputs": [_shape(tensors[i]) for i in graph.inputs],
        "outputs": [_shape(tensors[i]) for i in graph.outputs],
        "dtypes": list(facts.io_dtypes),
        "layers": [_row(operator, tensors, model) for operator in graph.operators],
        "parameters": facts.weights,
        "macs": facts.macs,
        "arena": arena.estimate(content).total,
        "arena_peak": arena.peak(content),
        "bytes": facts.bytes_raw,
        "bytes_gzip": facts.bytes_gzip,
        "sparsity": round(facts.sparsity, 6),
        "task": _task(tensors, model),
        "scaling": _scaling(graph.tensors[graph.inputs[0]], tensors[graph.inputs[0]]),
        "unknown": [],
    }


def _precision(float_operators: tuple[str, ...], kernels: frozenset[str]) -> str:
    names = ", ".join(sorted(kernels)) or "no"
    kind = "float" if float_operators else "full-integer"
    return f"{kind}, {names} kernels"


def _row(operator: Any, tensors: Sequence[Tensor], model: Any) -> dict[str, Any]:
    output = tensors[operator.outputs[0]]
    code = model.operatorCodes[operator.opcodeIndex]
    inputs = [tensors[i] for i in operator.inputs if i >= 0]
    count = cost.MACS.get(max(code.builtinCode, code.deprecatedBuiltinCode))
    return {
        "name": output.name,
        "kind": operator_name(code),
        "shape": _shape(output),
        "activation": "",
        "dtype": output.dtype,
        "parameters": sum(tensor.size for tensor in inputs if tensor.is_weight),
        "macs": count(operator, model.subgraphs[0]) if count else 0,
    }


def _shape(tensor: Tensor) -> list[int]:
    """Shape without the batch axis."""
    return list(tensor.shape[1:])


def _task(tensors: Sequence[Tensor], model: Any) -> str:
    graph = model.subgraphs[0]
    source, output = (_shape(tensors[e[0]]) for e in (graph.inputs, graph.outputs))
    codes = [operator_name(model.operatorCodes[o.opcodeIndex]) for o in graph.operators]
    if len(graph.inputs) != 1 or len(graph.outputs) != 1:
        return f"unknown: {len(graph.inputs)} inputs, {len(graph.outputs)} outputs"
    if source == output:
        return "anomaly detection: the output has the shape of the input"
    count = output[-1] if output else 1
    if len(output) > 1:
        return f"a map or sequence of {count} numbers per position"
    if {"SOFTMAX", "LOGISTIC"} & set(codes[-3:]) or count > 1:
        return f"classification, {max(count, 2)} classes"
    return "regression, or 2 classes as one logit"


def _scaling(source: Any, tensor: Tensor) -> str:
    """The range of real numbers that an integer input can hold."""
    if not tensor.scales or tensor.dtype not in STORED:
        return "unknown: a float input, whose range the file does not hold"
    scale, zero = float(source.quantization.scale[0]), tensor.zero_points[0]
    low, high = (scale * (end - zero) for end in STORED[tensor.dtype])
    return f"{low:.4g} .. {high:.4g}, stored as (x / {scale:.6g}) + {zero}"
