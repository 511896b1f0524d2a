"""Run one stage in a fresh process: `python -m pipeline.engine.stage_main`.

The request arrives on standard input as JSON. Messages are sent back through the pipe
whose number is in the request, one JSON object per line: progress, and at the end
either the result or an error. Standard output and standard error go to the log.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any, TextIO, cast

from pipeline.core.base_path import append_to_path
from pipeline.core.determinism import apply_pins
from pipeline.core.errors import (
    StageFailed,
    UserError,
    from_os_error,
    watch_written_files,
)
from pipeline.core.garbage_collection import collect_rarely, pause_collection
from pipeline.core.named_stream import NamedStream
from pipeline.core.user_modules import announce
from pipeline.engine.parent_watch import die_with_parent
from pipeline.engine.progress import Progress
from pipeline.engine.stage import Inputs


def main() -> int:
    """Run the requested stage and send its result, or its error.

    Returns:
        0, because an error of the stage is a message too.
    """
    pause_collection()
    request = json.load(sys.stdin)
    die_with_parent(request["parent"])
    watch_written_files()
    name_log(Path(request["out"]) / "log.txt")
    append_to_path()
    announce(request["user_modules"])
    apply_pins()
    with os.fdopen(request["channel"], "w", buffering=1) as channel:
        channel.write(json.dumps(_reply(request, channel)) + "\n")
    return 0


def name_log(path: Path) -> None:
    """Let errors of printing, such as those of a full disk, name the log.

    Args:
        path: of the log, which standard output and standard error go to.
    """
    sys.stdout = cast(TextIO, NamedStream(sys.stdout, path))
    sys.stderr = cast(TextIO, NamedStream(sys.stderr, path))


def _reply(request: dict[str, Any], channel: TextIO) -> dict[str, Any]:
    inputs = _inputs(request, channel)
    try:
        metrics = _run(request, inputs)
        return {"metrics": metrics, "volatile": inputs.volatile}
    except Exception as error:
        with contextlib.suppress(OSError):  # the disk of the log may be full
            traceback.print_exc()
        return _describe_error(error)


def _run(request: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    if request["draws"]:
        _import_matplotlib()
    module, _, name = request["params_class"].partition(":")
    params_class = getattr(importlib.import_module(module), name)
    params = params_class.model_validate_json(json.dumps(request["params"]))
    stage = importlib.import_module(request["module"])
    collect_rarely()
    metrics: dict[str, Any] = stage.run(params, inputs, Path(request["out"]))
    return metrics


def _import_matplotlib() -> None:
    """Import it where there is no `matplotlibrc`.

    It reads the one of the working directory first, whatever the environment says.
    """
    with contextlib.chdir(Path(__file__).parent):
        importlib.import_module("matplotlib")


def _inputs(request: dict[str, Any], channel: TextIO) -> Inputs:
    return Inputs(
        {name: Path(path) for name, path in request["folders"].items()},
        request["seed"],
        request["threads"],
        Progress(channel),
        overrides=tuple(request["overrides"]),
        scratch=Path(request["scratch"]),
        extra_inputs={
            name: Path(path) for name, path in request["extra_inputs"].items()
        },
        minutes=request["minutes"],
    )


def _describe_error(error: Exception) -> dict[str, Any]:
    if isinstance(error, OSError):
        error = from_os_error(error) or error
    if isinstance(error, UserError):
        return {"error": str(error), "exit_code": error.exit_code}
    failed = StageFailed.exit_code
    if isinstance(error, MemoryError):
        return {"error": "out of memory", "exit_code": failed}
    lines = str(error).strip().splitlines()
    text = f"{type(error).__name__}: {lines[0] if lines else 'no message'}"
    return {"error": text, "exit_code": failed, "unexpected": True}


if __name__ == "__main__":
    sys.exit(main())
