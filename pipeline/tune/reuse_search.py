"""Reuse of an earlier search after `data.extend`: its choice stands.

In: the tune stage from before the extension, kept by
`pipeline.experiment.earlier_results`. Out: the same files.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json
from pipeline.engine.stage import COMMON_VOLATILE, Inputs
from pipeline.engine.time_limits import EXCEEDED
from pipeline.tune.params import TuneParams

WRITTEN_BY_ENGINE = {*COMMON_VOLATILE, "metrics.json"}
PREFIX = "as before data.extend: "
RENAMED = {  # key in the params.json of an older version -> key today
    "ahead": "lookahead",
    "stop": "early_termination",
    "top": "finalists",
    "keep": "keep_models",
}


def check_same(params: TuneParams, earlier: Path) -> None:
    """Refuse parameters that ask for another search than the earlier one.

    Args:
        params: section `tune`.
        earlier: the tune stage from before the extension.

    Raises:
        UserError: when it is missing, or a parameter that it depends on differs.
    """
    if not (earlier / "best.json").is_file():
        raise UserError(f"{earlier}: the search from before data.extend is missing")
    now, before = params.hashed(), _earlier_params(earlier)
    for key in now:
        if now[key] != before[key]:
            raise UserError(
                f"tune.{key} is {now[key]!r} and was {before[key]!r} before "
                "data.extend, which does not repeat the search; restore the value, or "
                "search and train from scratch (train.init_from: scratch)"
            )


def _earlier_params(earlier: Path) -> dict[str, Any]:
    """Return its parameters; defaults for those that are newer than it."""
    stored = read_json(earlier / "params.json")
    renamed = {RENAMED.get(key, key): value for key, value in stored.items()}
    return {**TuneParams().hashed(), **renamed}


def publish_again(
    params: TuneParams, earlier: Path, inputs: Inputs, out: Path
) -> dict[str, Any]:
    """Copy the files of an earlier search.

    Args:
        params: section `tune`.
        earlier: the tune stage from before the extension.
        inputs: receives the volatile values of the earlier stage.
        out: folder of the results.

    Returns:
        The earlier metrics; the headline says that they are from before.

    Raises:
        UserError: when it is missing, or not the search that `params` ask for.
    """
    check_same(params, earlier)
    ignored = shutil.ignore_patterns(*WRITTEN_BY_ENGINE)
    shutil.copytree(earlier, out, ignore=ignored, dirs_exist_ok=True)
    metrics = read_json(earlier / "metrics.json")
    inputs.volatile.update(read_json(earlier / "run.json").get("volatile", {}))
    inputs.volatile.pop(EXCEEDED, None)  # a higher limit does not repeat this search
    headline = metrics["headline"].removeprefix(PREFIX)  # of an earlier extension
    return {**metrics, "headline": f"{PREFIX}{headline}"}
