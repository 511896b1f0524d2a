"""LiteRT for WebAssembly, or the reason why there is none."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from pipeline.core.errors import UserError
from pipeline.results.demo.runtime import read_runtime
from tests.helpers.project import ROOT

FOLDERS = (os.environ.get("PIPELINE_LITERT_JS"), ROOT / "build" / "npm")


def runtime_folder() -> Path:
    """A folder with the npm package; the test is skipped where there is none."""
    reason = ""
    for folder in map(Path, filter(None, FOLDERS)):
        try:
            read_runtime(folder)
            return folder
        except UserError as error:
            reason = str(error)
    pytest.skip(f"{reason} (in build/npm: npm install --prefix build/npm ...)")
