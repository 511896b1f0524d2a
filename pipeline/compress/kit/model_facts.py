"""Facts of the chosen file for C source and metadata.json.

In: a point of pareto.json and its file. Out: the entries that templates share, and
metadata.json, which repeats the facts of model_data.h for programs.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.kit import c_text
from pipeline.compress.selection.point import Point
from pipeline.compress.targets.target import ARENA
from pipeline.core.json_io import write_json
from pipeline.data.spec import TaskSpec
from pipeline.inference.interpreter import LiteModel
from pipeline.tasks.export import export_of

SYMBOL = "model_data"  # default prefix; placeholder in the C source of tasks
C_TYPES = {
    "int8": "int8_t",
    "uint8": "uint8_t",
    "int16": "int16_t",
    "uint16": "uint16_t",
    "int32": "int32_t",
    "int64": "int64_t",
    "float32": "float",
    "float64": "double",
}
Facts = dict[str, Any]


def stored_file(folder: Path, point: Point) -> bytes:
    """Return the bytes of the chosen file as the target stores it.

    Args:
        folder: holds `best.tflite`, and `best_device.tflite` where the target stores
            another file.
        point: the file's row of pareto.json.
    """
    name = "best_device.tflite" if point.device_file else "best.tflite"
    return (folder / name).read_bytes()


def metadata(spec: TaskSpec, point: Point, model: LiteModel, size: int) -> Facts:
    """Return the content of metadata.json.

    Args:
        spec: signature of the data.
        point: the file's row of pareto.json.
        model: the file.
        size: bytes of the file as the target stores it.
    """
    return {
        "title": point.title,
        "bytes": size,
        "arena": point.arena_bytes,
        "arena_is": arena_is(point),
        "input": tensor_facts(model.input),
        "output": tensor_facts(model.output),
        **export_of(spec).metadata(spec, point.to_json()),
        "data": spec.name,
    }


def write_metadata(folder: Path, facts: Facts) -> None:
    """Write metadata.json."""
    write_json(folder / "metadata.json", facts)


def arena_is(point: Point) -> str:
    """Return how the size of the arena is known."""
    return "estimated, not below" if ARENA in point.estimated else "measured"


def tensor_facts(detail: Mapping[str, Any]) -> Facts:
    """Return dtype, shape, scale and zero point of an input or output.

    Args:
        detail: as the interpreter returns it.
    """
    scale, zero_point = detail["quantization"]
    return {
        "dtype": detail["dtype"].__name__,
        "shape": [int(size) for size in detail["shape"]],
        "scale": float(scale),
        "zero_point": int(zero_point),
    }


def source_facts(spec: TaskSpec, facts: Facts, content: bytes, symbol: str) -> Facts:
    """Return what the templates of every kind of data share.

    Args:
        spec: signature of the data.
        facts: content of metadata.json.
        content: bytes of the file as the target stores it.
        symbol: begins the names of everything in C; macros have it in upper case.
    """
    macro, tensors = symbol.upper(), {k: facts[k] for k in ("input", "output")}
    export = export_of(spec)
    result = export.result(facts)
    labels = facts.get("labels")
    texts: Facts = {}
    for name, tensor in tensors.items():
        texts |= {
            f"{name}_text": tensor_text(tensor),
            f"{name}_type": C_TYPES[tensor["dtype"]],
            f"{name}_size": int(np.prod(tensor["shape"][1:])),
            f"{name}_quantized": bool(tensor["scale"]),
        }
    return {
        "title": c_text.comment(facts["title"]),
        "bytes": len(content),
        "arena": facts["arena"],
        "arena_is": facts["arena_is"],
        **texts,
        "symbol": symbol,
        "macro": macro,
        "meaning": prefixed(export.defines(facts), symbol),
        "quantization": quantization(tensors, macro),
        "labels": None if labels is None else c_text.strings(labels),
        "content": c_text.lines(f"0x{byte:02x}," for byte in content),
        "result": {
            "declare": prefixed(result.declare, symbol),
            "define": prefixed(result.define, symbol),
            "use": prefixed(result.use, symbol),
            "keeps_input": result.keeps_input,
        },
    }


def prefixed(text: str, symbol: str) -> str:
    """Replace the placeholders `model_data` and `MODEL_DATA` of a task's C source."""
    return text.replace(SYMBOL.upper(), symbol.upper()).replace(SYMBOL, symbol)


def quantization(tensors: Mapping[str, Facts], macro: str) -> str:
    """Return macros of scale and zero point; a float tensor has none.

    Args:
        tensors: `input` and `output` -> their facts.
        macro: begins the names.
    """
    return "\n".join(
        f"#define {macro}_{name.upper()}_SCALE {c_text.float32(tensor['scale'])}\n"
        f"#define {macro}_{name.upper()}_ZERO_POINT ({tensor['zero_point']})"
        for name, tensor in tensors.items()
        if tensor["scale"]
    )


def tensor_text(tensor: Facts) -> str:
    """Describe a tensor in a line: `int8 1x8x8x1, scale 0.5, zero point 3`."""
    shape = "x".join(map(str, tensor["shape"]))
    scale = f", scale {tensor['scale']:.9g}, zero point {tensor['zero_point']}"
    return f"{tensor['dtype']} {shape}" + (scale if tensor["scale"] else "")
