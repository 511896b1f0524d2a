"""Trace a model of PyTorch to an .onnx file, in the Python that has PyTorch.

In: a `TorchModel` and a folder. Out: the .onnx file, the same bytes for the same model,
so that nothing becomes stale. The code of the user runs in a process of its own, which
knows nothing of this one.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from pipeline.compress.import_model.onnx.supported import SUFFIX
from pipeline.compress.import_model.pytorch.torch_model import (
    TorchModel,
    check_torch,
    python_of,
    settings,
)
from pipeline.core.errors import UserError
from pipeline.core.quoting import printable, shown
from pipeline.core.safe_path import SafeFolder

EXPORTER = Path(__file__).with_name("exporter.py")
REQUEST, ANSWER, TRACED = "request.json", "answer.json", "traced.onnx"


def traced(model: TorchModel, folder: Path) -> Path:
    """Trace a model to an .onnx file, named after its file or module.

    Args:
        model: what to build or read, and in which Python.
        folder: is created if needed; nothing is written where tracing fails.

    Returns:
        Path of the file.

    Raises:
        UserError: names what of the model, its weights or its Python does not fit.
    """
    check_torch(model)
    python = python_of(model)
    _check_onnx(model)
    with tempfile.TemporaryDirectory() as name:
        aside = Path(name)
        _note(f"traces {model.source} in {python}")
        for note in _run(model, python, aside):
            _note(f"{model.source} {note}")
        path = folder / f"{model.path.stem}{SUFFIX}"
        _publish((aside / TRACED).read_bytes(), path)
    return path


def _check_onnx(model: TorchModel) -> None:
    from pipeline.compress.import_model.onnx.model_file import onnx_package  # NumPy

    onnx_package(model.path)


def _publish(content: bytes, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if not path.is_file() or path.read_bytes() != content:
        SafeFolder(path.parent).write(path.name, content)


def _run(model: TorchModel, python: str, folder: Path) -> list[str]:
    """Run the exporter, and return its notes."""
    request = {**settings(model), "target": str(folder / TRACED)}
    (folder / REQUEST).write_text(json.dumps(request))
    command = [python, "-B", str(EXPORTER), str(folder / REQUEST)]
    done = subprocess.run(command, capture_output=True, check=False)
    answer = folder / ANSWER
    if not answer.is_file():
        raise UserError(
            f"{shown(model.source)}: {python} ended without an answer (exit code "
            f"{done.returncode}): {_last_line(done.stderr)}"
        )
    answered: dict[str, Any] = json.loads(answer.read_text())
    if "error" in answered:
        raise UserError(f"{shown(model.source)}: {answered['error']}")
    return [str(note) for note in answered["notes"]]


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").strip().splitlines() or ["nothing was said"]
    return shown(lines[-1], 300)


def _note(text: str) -> None:
    print(printable(f"note      {text}"), file=sys.stderr, flush=True)
