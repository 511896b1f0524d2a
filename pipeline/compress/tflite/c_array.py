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
#ifndef {macro}_H_
#define {macro}_H_

#ifdef __cplusplus
extern "C" {{
#endif

{meaning}
{quantization}
#define {macro}_ARENA_BYTES {arena}  // {arena_is}

extern const unsigned char {symbol}[];
extern const unsigned int {symbol}_len;
{labels}
#ifdef __cplusplus
}}
#endif

#endif  // {macro}_H_
"""
SOURCE = """\
#include "model_data.h"

#ifdef __cplusplus
#define {macro}_ALIGN alignas(16)
#else
#define {macro}_ALIGN _Alignas(16)
#endif

{macro}_ALIGN const unsigned char {symbol}[] = {{
{numbers}
}};
const unsigned int {symbol}_len = {bytes};
{labels}"""
LABELS = "const char* const {symbol}_labels[{macro}_CLASSES]"
SYMBOL = "model_data"  # of the array, and of the files


def write(folder: Path, spec: TaskSpec, point: Point, symbol: str = SYMBOL) -> None:
    """Write the three files for `best.tflite`.

    Args:
        folder: holds `best.tflite`, and `best_device.tflite` where the target stores
            another file; receives the files.
        spec: signature of the data.
        point: the file's row of pareto.json.
        symbol: name of the array, which begins the names of everything else in C; its
            macros have it in upper case. Two models in one program need two.
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
    names = {"symbol": symbol, "macro": symbol.upper()}
    defines = export.defines(meaning).replace(SYMBOL.upper(), names["macro"])
    texts |= {"meaning": defines, "labels": _declaration(meaning, names), **names}
    texts |= {"quantization": _quantization(tensors, names["macro"])}
    (folder / "model_data.h").write_text(
        HEADER.format(**facts, **texts), encoding="utf-8"
    )
    source = SOURCE.format(
        numbers=_numbers(content),
        bytes=len(content),
        labels=_definition(meaning, names),
        **names,
    )
    (folder / "model_data.cc").write_text(source, encoding="utf-8")


def _quantization(tensors: dict[str, dict[str, Any]], macro: str) -> str:
    """Macros of scale and zero point; a float tensor has none."""
    return "\n".join(
        f"#define {macro}_{name.upper()}_SCALE {_c_float(tensor['scale'])}\n"
        f"#define {macro}_{name.upper()}_ZERO_POINT ({tensor['zero_point']})"
        for name, tensor in tensors.items()
        if tensor["scale"]
    )


def _c_float(value: float) -> str:
    """A float literal of C with all digits of float32."""
    text = f"{value:.9g}"
    return f"{text}f" if "." in text or "e" in text else f"{text}.0f"


def _declaration(meaning: dict[str, Any], names: dict[str, str]) -> str:
    return f"extern {LABELS.format(**names)};\n" if "labels" in meaning else ""


def _definition(meaning: dict[str, Any], names: dict[str, str]) -> str:
    if "labels" not in meaning:
        return ""
    lines = "\n".join(f"    {_quoted(name)}," for name in meaning["labels"])
    return f"{LABELS.format(**names)} = {{\n{lines}\n}};\n"


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
