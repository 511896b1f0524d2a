"""A stage that reports what it computes with, in a fork of `benchmarks.warm_stages`.

In: a folder for its log. Out: a JSON line: `caches`, the sizes that libraries with
Eigen get, and `environment`. Run: python -m tests.helpers.imitated_stage FOLDER
"""

from __future__ import annotations

import json
import os
import sys
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from typing import Any

from benchmarks.warm_stages import run_in_fork
from pipeline.core.params import Params
from pipeline.engine.process_environment import process_environment
from pipeline.engine.stage_process import Message

REQUEST = {
    "module": "tests.helpers.imitated_stage",
    "params_class": "tests.helpers.imitated_stage:NoParams",
    **{name: {} for name in ("params", "folders", "extra_inputs", "minutes")},
    "seed": 1,
    "threads": 1,
    "overrides": [],
    "user_modules": [],
    "draws": False,
    "scratch": "",
}


class Silent:
    """A listener that drops what it receives."""

    def progress(self, message: Message) -> None:
        """Drop it."""

    def log(self, text: str) -> None:
        """Drop it."""


class NoParams(Params):
    """No parameters."""


def run(params: NoParams, inputs: Any, out: Path) -> dict[str, Any]:
    """Report, after a message of progress, which is no result."""
    inputs.progress("reporting", 0, 0)
    sizes = getattr(ExtensionFileLoader.create_module, "cache_sizes", None)
    return {"caches": sizes, "environment": dict(os.environ)}


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    environment = process_environment({"threads": 1, "portability": "native"})
    environment["TMPDIR"] = str(folder)
    request = {**REQUEST, "out": str(folder)}
    result = run_in_fork(request, folder / "log.txt", environment, Silent())
    print(json.dumps(result["metrics"]))
