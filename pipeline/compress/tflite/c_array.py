"""The chosen file as C source for microcontrollers, and what to know of it.

In: a row of pareto.json and its file. Out: model_data.h, model_data.cc and
metadata.json, which repeats the header's facts for programs.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.inference.interpreter import LiteModel
from pipeline.data.spec import TaskSpec
from pipeline.core.json_io import write_json
from pipeline.tasks.export import export_of

PER_LINE = 12  # numbers
HEADER = """\
// {title}: {bytes} bytes, about {arena} bytes of tensors.
// Input  {input}
// Output {output}
// real = (stored - zero_point) * scale, for integers.
#ifndef MODEL_DATA_H_
#define MODEL_DATA_H_

#ifdef __cplusplus
extern "C" {{
#endif

{meaning}
#define MODEL_DATA_ARENA_BYTES {arena}  // of tensors; operators need more besides

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


def write(folder: Path, spec: TaskSpec, point: dict[str, Any]) -> None:
    """Write the three files for `best.tflite` in `folder`."""
    content = (folder / "best.tflite").read_bytes()
    model = LiteModel(folder / "best.tflite", spec)
    ends = {"input": _end(model.input), "output": _end(model.output)}
    facts = {
        "title": f"{point['source']} | {point['recipe']}",
        "bytes": len(content),
        "arena": point["arena_bytes"],
    }
    export = export_of(spec)
    known = export.metadata(spec, point)
    write_json(folder / "metadata.json", {**facts, **ends, **known, "data": spec.name})
    told = {name: _text(end) for name, end in ends.items()}
    told |= {"meaning": export.defines(known), "labels": _declared(known)}
    (folder / "model_data.h").write_text(HEADER.format(**facts, **told))
    source = SOURCE.format(
        numbers=_numbers(content), bytes=len(content), labels=_labels(known)
    )
    (folder / "model_data.cc").write_text(source, encoding="utf-8")


def _declared(known: dict[str, Any]) -> str:
    return f"extern {LABELS};\n" if "labels" in known else ""


def _labels(known: dict[str, Any]) -> str:
    if "labels" not in known:
        return ""
    lines = "\n".join(f"    {_quoted(name)}," for name in known["labels"])
    return f"{LABELS} = {{\n{lines}\n}};\n"


def _end(detail: Any) -> dict[str, Any]:
    scale, zero_point = detail["quantization"]
    return {
        "dtype": detail["dtype"].__name__,
        "shape": [int(size) for size in detail["shape"]],
        "scale": float(scale),
        "zero_point": int(zero_point),
    }


def _text(end: dict[str, Any]) -> str:
    shape = "x".join(map(str, end["shape"]))
    how = f", scale {end['scale']:.9g}, zero point {end['zero_point']}"
    return f"{end['dtype']} {shape}" + (how if end["scale"] else "")


def _numbers(content: bytes) -> str:
    lines = [content[at : at + PER_LINE] for at in range(0, len(content), PER_LINE)]
    return "\n".join(
        "    " + " ".join(f"0x{byte:02x}," for byte in line) for line in lines
    )


def _quoted(text: str) -> str:
    """A C string; what is not ASCII as the bytes of UTF-8, in octal."""
    plain = json.dumps(text, ensure_ascii=False)[1:-1]
    octal = "".join(
        chr(byte) if 32 <= byte < 127 else f"\\{byte:03o}" for byte in plain.encode()
    )
    return f'"{octal}"'
