"""Describe a model file of any known format.

In: a path. Out: a JSON object, and its text for the terminal.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.compress.import_model.onnx.supported import is_onnx
from pipeline.compress.import_model.pytorch.torch_model import TorchModel
from pipeline.compress.import_model.pytorch.tracing import traced
from pipeline.compress.inspection.keras_config import HDF5
from pipeline.compress.inspection.support import TECHNIQUES
from pipeline.core.decoding import decoding
from pipeline.core.errors import UserError
from pipeline.core.regular_file import is_regular
from pipeline.core.text_table import aligned

FORMATS = ".keras, .h5 (Keras 2 or 3), .onnx, .tflite"
TORCH = "or of PyTorch: script.py:build, package.module:build, or a .pt2 file"
COLUMNS = ("layer", "class", "output", "parameters", "MACs")


def inspect_file(path: Path) -> dict[str, Any]:
    """Describe a model file, without running it.

    Args:
        path: a .keras, .h5, .onnx or .tflite file.

    Returns:
        See `keras_file.inspect_keras` and `tflite_file.inspect_tflite`.

    Raises:
        UserError: when there is no such file, or its format is not known.
    """
    if path.is_dir() and (path / "saved_model.pb").is_file():
        raise UserError(
            f"{path}: is a SavedModel, whose graph names no layers; inspect the .keras "
            "file that it was exported from, or convert it to a .tflite file"
        )
    if not is_regular(path):
        raise UserError(f"{path}: no such file; give a file of {FORMATS}")
    with decoding(path, "a complete model"):
        return _inspected(path)


def inspect_torch(model: TorchModel) -> dict[str, Any]:
    """Describe a model of PyTorch, which is traced to ONNX first.

    Args:
        model: what to build or read.

    Returns:
        As `inspect_file` of the .onnx file.

    Raises:
        UserError: when it cannot be traced, or an operator is not known.
    """
    with tempfile.TemporaryDirectory() as folder:
        facts = inspect_file(traced(model, Path(folder)))
    return {**facts, "file": model.source}


def _inspected(path: Path) -> dict[str, Any]:
    if is_onnx(path):
        from pipeline.compress.import_model.onnx.facts import inspect_onnx

        return inspect_onnx(path)
    with path.open("rb") as file:
        head = file.read(8)
    if head[4:8] == b"TFL3":
        from pipeline.compress.inspection.tflite_file import inspect_tflite

        return inspect_tflite(path)
    if head[:2] == b"PK" or head == HDF5:
        from pipeline.compress.inspection.keras_file import inspect_keras

        return inspect_keras(path)
    raise UserError(f"{path}: not a model of a known format; known are {FORMATS}")


def text(facts: dict[str, Any]) -> str:
    """The description for the terminal.

    Args:
        facts: as `inspect_file` returns it.
    """
    return "\n".join([*_table(facts["layers"]), "", *_totals(facts)])


def _table(rows: Sequence[dict[str, Any]]) -> list[str]:
    techniques = [name for name in TECHNIQUES if rows and name in rows[0]]
    extra = ["dtype"] if rows and "dtype" in rows[0] else []
    cells = [[*COLUMNS, *extra, *techniques]]
    for row in rows:
        kind = f"{row['kind']} {row['activation']}".strip()
        numbers = [_number(row[key]) for key in ("parameters", "macs")]
        others = [row[key] for key in (*extra, *techniques)]
        cells.append([row["name"], kind, _shape(row["shape"]), *numbers, *others])
    return aligned(cells, "lllrr" + "l" * len([*extra, *techniques]))


def _totals(facts: dict[str, Any]) -> list[str]:
    lines = {
        "format": facts["format"],
        "input": " and ".join(map(_shape, facts["inputs"])),
        "output": " and ".join(map(_shape, facts["outputs"])),
        "parameters": _number(facts["parameters"]),
        "MACs": _number(facts["macs"]),
        **_memory(facts),
        "likely task": facts["task"],
        "input range": facts["scaling"],
    }
    if facts["unknown"]:
        count, first = len(facts["unknown"]), facts["unknown"][0]
        lines["note"] = (
            f"the shapes of {count} layers from {first} on cannot be computed without "
            "building the model"
        )
    width = max(map(len, lines))
    return [f"{key:<{width}}  {value}" for key, value in lines.items()]


def _memory(facts: dict[str, Any]) -> dict[str, str]:
    if "arena" not in facts:
        arena, size = facts["arena_int8"], facts["parameters"]
        return {
            "arena": "unknown"
            if arena is None
            else f"about {arena:,} bytes of activations as int8",
            "weights": f"{4 * size:,} bytes in float32, about {size:,} in int8",
        }
    return {
        "arena": f"{facts['arena']:,} bytes (TensorFlow Lite Micro, estimated)",
        "file": f"{facts['bytes']:,} bytes, {facts['bytes_gzip']:,} compressed; "
        f"{facts['sparsity']:.0%} of the weights are zero",
    }


def _number(value: int | None) -> str:
    return "unknown" if value is None else f"{value:,}"


def _shape(shape: Sequence[int | None] | None) -> str:
    if shape is None:
        return "unknown"
    return "x".join("?" if axis is None else str(axis) for axis in shape) or "scalar"
