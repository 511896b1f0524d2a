"""Operators, sizes and memory of a .tflite file; nothing is run.

In: a .tflite file. Out: a JSON object, with a row per operator of the main graph.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.compress.tflite import arena, cost
from pipeline.compress.tflite.inspect import DTYPES, operator_name, parse, read_facts


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
    return {
        "file": str(path),
        "format": f".tflite, {_precision(facts.float_operators, facts.kernel_dtypes)}",
        "name": path.stem,
        "inputs": [_shape(graph.tensors[i]) for i in graph.inputs],
        "outputs": [_shape(graph.tensors[i]) for i in graph.outputs],
        "dtypes": list(facts.io_dtypes),
        "layers": [_row(operator, graph, model) for operator in graph.operators],
        "parameters": facts.weights,
        "macs": facts.macs,
        "arena": arena.estimate(content).total,
        "arena_peak": arena.peak(content),
        "bytes": facts.bytes_raw,
        "bytes_gzip": facts.bytes_gzip,
        "sparsity": round(facts.sparsity, 6),
        "task": _task(graph, model),
        "scaling": _scaling(graph.tensors[graph.inputs[0]]),
        "unknown": [],
    }


def _precision(float_operators: tuple[str, ...], kernels: frozenset[str]) -> str:
    names = ", ".join(sorted(kernels)) or "no"
    kind = "float" if float_operators else "full-integer"
    return f"{kind}, {names} kernels"


def _row(operator: Any, graph: Any, model: Any) -> dict[str, Any]:
    output = graph.tensors[operator.outputs[0]]
    code = model.operatorCodes[operator.opcodeIndex]
    inputs = [graph.tensors[i] for i in operator.inputs if i >= 0]
    stored = [t for t in inputs if _is_stored(t, model)]
    count = cost.MACS.get(max(code.builtinCode, code.deprecatedBuiltinCode))
    return {
        "name": output.name.decode() if output.name else "",
        "kind": operator_name(code),
        "shape": _shape(output),
        "activation": "",
        "dtype": DTYPES[output.type],
        "parameters": sum(_size(t) for t in stored if DTYPES[t.type] != "int64"),
        "macs": count(operator, graph) if count else 0,
    }


def _is_stored(tensor: Any, model: Any) -> bool:
    data = model.buffers[tensor.buffer].data
    plain = DTYPES[tensor.type] == "int32" and not _scales(tensor)
    return data is not None and len(data) > 0 and not plain


def _scales(tensor: Any) -> int:
    quantization = tensor.quantization
    scale = quantization.scale if quantization else None
    return 0 if scale is None else len(scale)


def _size(tensor: Any) -> int:
    size = 1
    for length in tensor.shape if tensor.shape is not None else ():
        size *= int(length)
    return size


def _shape(tensor: Any) -> list[int]:
    shape = tensor.shape if tensor.shape is not None else ()
    return [int(length) for length in shape][1:]


def _task(graph: Any, model: Any) -> str:
    source, output = (
        _shape(graph.tensors[e[0]]) for e in (graph.inputs, graph.outputs)
    )
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


def _scaling(tensor: Any) -> str:
    """The range of real numbers that an integer input can hold."""
    quantization = tensor.quantization
    if not _scales(tensor) or DTYPES[tensor.type] not in ("int8", "uint8", "int16"):
        return "unknown: a float input, whose range the file does not hold"
    scale, zero = float(quantization.scale[0]), int(quantization.zeroPoint[0])
    bits = {"int8": (-128, 127), "uint8": (0, 255), "int16": (-32768, 32767)}
    low, high = (scale * (end - zero) for end in bits[DTYPES[tensor.type]])
    return f"{low:.4g} .. {high:.4g}, stored as (x / {scale:.6g}) + {zero}"
