"""The best values of an earlier search, as the first ones of this one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json
from pipeline.tune.params import TuneParams
from pipeline.tune.space import FAMILY, Config, Values, fitted

SHARE = 3  # at most a third of the trials are an earlier search's


def warm_values(params: TuneParams, config: Config, sign: int = 1) -> list[Values]:
    """Values of the best trials, those that are inside this space, best first.

    Args:
        sign: 1 where a higher score is better, -1 where a lower one is.

    Raises:
        UserError: when the file is missing, or no trials.json.
    """
    if params.warm_start is None:
        return []
    rows = _rows(Path(params.warm_start))
    rows = sorted(rows, key=lambda row: -sign * row["score"])
    found = [fitted(_named(row["values"], params), config) for row in rows]
    kept = [values for values in found if values is not None]
    if not kept:
        raise UserError(
            f"tune.warm_start: {params.warm_start}: none of its {len(rows)} scored "
            "trials is inside this search's space; leave it out, or widen tune.space"
        )
    return kept[: max(1, params.trials // SHARE)]


def _rows(path: Path) -> list[dict[str, Any]]:
    if not path.is_file():
        raise UserError(
            f"tune.warm_start: {path}: there is no such file; give the trials.json of "
            "a search that ended, such as experiments/digits/tune/trials.json"
        )
    try:
        rows = read_json(path)["trials"]
        return [row for row in rows if row["score"] is not None and row["values"]]
    except (KeyError, TypeError):
        raise UserError(f"tune.warm_start: {path}: is no trials.json") from None


def _named(values: Values, params: TuneParams) -> Values:
    """With `family/` before the builder's names, where there are several families."""
    if len(params.families) == 1:
        return values
    family = values.get(FAMILY, params.families[0])
    return {**values, **{f"{family}/{name}": value for name, value in values.items()}}
