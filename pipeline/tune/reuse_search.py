"""The search of before `data.extend`: its choice stands, so nothing is searched.

In: the tune stage as it was, kept by `pipeline.experiment.earlier_results`. Out: the same files.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json
from pipeline.engine.stage import COMMON_VOLATILE, Inputs
from pipeline.tune.params import TuneParams

COMMON = {*COMMON_VOLATILE, "metrics.json"}  # the engine writes them
TOLD = "as before data.extend: "


def check_same(params: TuneParams, kept: Path) -> None:
    """Refuse to ask for another search than the one whose choice stands.

    Args:
        kept: the tune stage as it was.

    Raises:
        UserError: when it is not there, or a key of `tune` differs that it depends on.
    """
    if not (kept / "best.json").is_file():
        raise UserError(f"{kept}: the search of before data.extend is not there")
    now, default = params.hashed(), TuneParams().hashed()  # of keys that are newer
    before = {**default, **read_json(kept / "params.json")}
    for key in now:
        if now[key] != before[key]:
            raise UserError(
                f"tune.{key} is {now[key]!r} and was {before[key]!r} before "
                "data.extend, whose search is not made again: leave it as it was, or "
                "search and train anew (train.init_from: scratch)"
            )


def publish_again(
    params: TuneParams, kept: Path, inputs: Inputs, out: Path
) -> dict[str, Any]:
    """Copy the files of an earlier search; its metrics.

    Raises:
        UserError: when it is not there, or not what `params` ask for.
    """
    check_same(params, kept)
    left = shutil.ignore_patterns(*COMMON)
    shutil.copytree(kept, out, ignore=left, dirs_exist_ok=True)
    told = read_json(kept / "metrics.json")
    inputs.volatile.update(read_json(kept / "run.json").get("volatile", {}))
    headline = told["headline"].removeprefix(TOLD)  # it is there after an extension
    return {**told, "headline": f"{TOLD}{headline}"}
