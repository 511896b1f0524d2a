"""Write the chosen file as C source for microcontrollers, and its metadata.

In: a point of pareto.json and its file. Out: model_data.h, model_data.cc and
metadata.json, which repeats the facts of the header for programs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.compress.selection.point import Point
from pipeline.compress.targets.target import ARENA
from pipeline.core.json_io import write_json
from pipeline.data.spec import TaskSpec
from pipeline.inference.interpreter import LiteModel
from pipeline.tasks.export import export_of

PER_LINE = 12  # bytes
HEADER = """\
// {title}: {bytes} bytes, arena of {arena} bytes ({arena_is}).
// Input  {input}
// Output {output}
// real = (stored - zero_point) * scale, for integers.
#ifndef MODEL_DATA_H_
#define MODEL_DATA_H_

#ifdef __cplusplus
extern "C" {{
#endif

{meaning}
#define MODEL_DATA_ARENA_BYTES {arena}  // {arena_is}

extern const unsigned char model_data[];
extern const unsigned int model_data_len;
{labels}
#ifdef __cplusplus
}}
#endif

#endif  // MODEL_DATA_H_
"""
SOURCE = """\
#include "model_data.h"

#ifdef __cplusplus
#define MODEL_DATA_ALIGN alignas(16)
#else
#define MODEL_DATA_ALIGN _Alignas(16)
#endif

MODEL_DATA_ALIGN const unsigned char model_data[] = {{
{numbers}
}};
const unsigned int model_data_len = {bytes};
{labels}"""
LABELS = "const char* const model_data_labels[MODEL_DATA_CLASSES]"


def write(folder: Path, spec: TaskSpec, point: Point) -> None:
    """Write the three files for `best.tflite`.

    Args:
        folder: holds `best.tflite`, and `best_device.tflite` where the target stores
            another file; receives the files.
        spec: signature of the data.
        point: the file's row of pareto.json.
    """
    stored = folder / ("best_device.tflite" if point.device_file else "best.tflite")
    content = stored.read_bytes()
    model = LiteModel(folder / "best.tflite", spec)
    tensors = {"input": _tensor(model.input), "output": _tensor(model.output)}
    arena_is = "estimated, not below" if ARENA in point.estimated else "measured"
    facts = {
        "title": point.title,
        "bytes": len(content),
        "arena": point.arena_bytes,
        "arena_is": arena_is,
    }
    export = export_of(spec)
    meaning = export.metadata(spec, point.to_json())
    metadata = {**facts, **tensors, **meaning, "data": spec.name}
    write_json(folder / "metadata.json", metadata)
    texts = {name: _tensor_text(tensor) for name, tensor in tensors.items()}
    texts |= {"meaning": export.defines(meaning), "labels": _declaration(meaning)}
    (folder / "model_data.h").write_text(HEADER.format(**facts, **texts))
    source = SOURCE.format(
        numbers=_numbers(content), bytes=len(content), labels=_definition(meaning)
    )
    (folder / "model_data.cc").write_text(source, encoding="utf-8")


def _declaration(meaning: dict[str, Any]) -> str:
    return f"extern {LABELS};\n" if "labels" in meaning else ""


def _definition(meaning: dict[str, Any]) -> str:
    if "labels" not in meaning:
        return ""
    lines = "\n".join(f"    {_quoted(name)}," for name in meaning["labels"])
    return f"{LABELS} = {{\n{lines}\n}};\n"


def _tensor(detail: Any) -> dict[str, Any]:
    scale, zero_point = detail["quantization"]
    return {
        "dtype": detail["dtype"].__name__,
        "shape": [int(size) for size in detail["shape"]],
        "scale": float(scale),
        "zero_point": int(zero_point),
    }


def _tensor_text(tensor: dict[str, Any]) -> str:
    shape = "x".join(map(str, tensor["shape"]))
    scale = f", scale {tensor['scale']:.9g}, zero point {tensor['zero_point']}"
    return f"{tensor['dtype']} {shape}" + (scale if tensor["scale"] else "")


def _numbers(content: bytes) -> str:
    starts = range(0, len(content), PER_LINE)
    lines = [content[start : start + PER_LINE] for start in starts]
    return "\n".join(
        "    " + " ".join(f"0x{byte:02x}," for byte in line) for line in lines
    )


def _quoted(text: str) -> str:
    """A C string literal; characters outside ASCII as the octal bytes of UTF-8."""
    plain = json.dumps(text, ensure_ascii=False)[1:-1]
    octal = "".join(
        chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in plain.encode()
    )
    return f'"{octal}"'
