"""The search of before `data.extend`: its choice stands, so nothing is searched.

In: the tune stage as it was, kept by `pipeline.data.extension`. Out: the same files.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pipeline.engine.errors import UserError
from pipeline.engine.jsonio import read_json
from pipeline.engine.stage import COMMON_VOLATILE, Inputs

COMMON = {*COMMON_VOLATILE, "metrics.json"}  # the engine writes them


def publish_again(kept: Path, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Copy the files of an earlier search; its metrics.

    Raises:
        UserError: when it is not there.
    """
    if not (kept / "best.json").is_file():
        raise UserError(f"{kept}: the search of before data.extend is not there")
    left = shutil.ignore_patterns(*COMMON)
    shutil.copytree(kept, out, ignore=left, dirs_exist_ok=True)
    told = read_json(kept / "metrics.json")
    inputs.volatile.update(read_json(kept / "run.json").get("volatile", {}))
    return {**told, "headline": f"as before data.extend: {told['headline']}"}
