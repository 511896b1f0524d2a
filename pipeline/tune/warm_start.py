"""The best values of an earlier search as the first proposals of a new one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json
from pipeline.core.regular_file import is_regular
from pipeline.tune.params import TuneParams
from pipeline.tune.space import FAMILY, Config, Values, fit_to_space

DIVISOR = 3  # at most a third of the trials: the rest is left to the new search


def warm_values(params: TuneParams, config: Config, sign: int = 1) -> list[Values]:
    """Read the best trials of `warm_start` that are inside the new space.

    Args:
        params: section `tune`.
        config: the new search space.
        sign: 1 where a higher score is better, -1 where a lower one is. Default 1.

    Returns:
        Values of hyperparameters, best first; empty without `warm_start`.

    Raises:
        UserError: when the file is missing, malformed, or has no suitable trial.
    """
    if params.warm_start is None:
        return []
    rows = _read_rows(Path(params.warm_start))
    rows = sorted(rows, key=lambda row: -sign * row["score"])
    qualified = [_qualified(row["values"], params) for row in rows]
    candidates = [fit_to_space(values, config) for values in qualified]
    inside = [values for values in candidates if values is not None]
    if not inside:
        raise UserError(
            f"tune.warm_start: {params.warm_start}: none of its {len(rows)} scored "
            "trials is inside this search space; remove tune.warm_start, or widen "
            "tune.space"
        )
    return inside[: max(1, params.trials // DIVISOR)]


def _read_rows(path: Path) -> list[dict[str, Any]]:
    if not is_regular(path):
        raise UserError(
            f"tune.warm_start: {path}: there is no such file; give the trials.json of "
            "a finished search, such as experiments/digits/tune/trials.json"
        )
    try:
        rows = read_json(path)["trials"]
        return [row for row in rows if row["score"] is not None and row["values"]]
    except (KeyError, TypeError):
        raise UserError(f"tune.warm_start: {path}: not a trials.json file") from None


def _qualified(values: Values, params: TuneParams) -> Values:
    """Add names with `family/` in front, if several families are searched."""
    if len(params.families) == 1:
        return values
    family = values.get(FAMILY, params.families[0])
    return {**values, **{f"{family}/{name}": value for name, value in values.items()}}
