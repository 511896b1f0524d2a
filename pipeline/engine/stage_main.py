"""The fresh process that runs one stage: `python -m pipeline.engine.stage_main`.

The request comes on standard input as JSON. Messages go back through the pipe
whose number is in the request, one JSON object a line: progress, then either
the result or the reason why there is none. All that is printed goes to the log.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import sys
import traceback
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError, from_os_error
from pipeline.engine.parent_watch import die_with_parent
from pipeline.engine.progress import Progress
from pipeline.engine.stage import Inputs


def main() -> int:
    """Run the requested stage; 0 when it returned metrics."""
    request = json.load(sys.stdin)
    die_with_parent(request["parent"])
    with os.fdopen(request["channel"], "w", buffering=1) as channel:
        channel.write(json.dumps(_answer(request, channel)) + "\n")
    return 0


def _answer(request: dict[str, Any], channel: Any) -> dict[str, Any]:
    inputs = _inputs(request, channel)
    try:
        metrics = _run(request, inputs)
        return {"metrics": metrics, "volatile": inputs.volatile}
    except Exception as error:
        with contextlib.suppress(OSError):  # the disk of the log may be full
            traceback.print_exc()
        return _reason(error)


def _run(request: dict[str, Any], inputs: Inputs) -> dict[str, Any]:
    if request["draws"]:
        _import_matplotlib()
    module, _, name = request["params_class"].partition(":")
    params = getattr(importlib.import_module(module), name)
    stage = importlib.import_module(request["module"])
    text = json.dumps(request["params"])
    return stage.run(params.model_validate_json(text), inputs, Path(request["out"]))


def _import_matplotlib() -> None:
    """Here, where no `matplotlibrc` lies: it reads the working directory's first,
    whatever the environment says."""
    with contextlib.chdir(Path(__file__).parent):
        importlib.import_module("matplotlib")


def _inputs(request: dict[str, Any], channel: Any) -> Inputs:
    folders = {name: Path(path) for name, path in request["folders"].items()}
    beside = {name: Path(path) for name, path in request["beside"].items()}
    overrides = tuple(request["overrides"])
    seed, threads = request["seed"], request["threads"]
    return Inputs(
        folders,
        seed,
        threads,
        Progress(channel),
        overrides=overrides,
        scratch=Path(request["scratch"]),
        beside=beside,
    )


def _reason(error: Exception) -> dict[str, Any]:
    if isinstance(error, OSError):
        error = from_os_error(error) or error
    if isinstance(error, UserError):
        return {"error": str(error), "exit_code": error.exit_code}
    if isinstance(error, MemoryError):
        return {"error": "memory ran out", "exit_code": 1}
    text = str(error).strip().splitlines()
    return {
        "error": f"{type(error).__name__}: {text[0] if text else 'no message'}",
        "exit_code": 1,
        "unexpected": True,
    }


if __name__ == "__main__":
    sys.exit(main())
