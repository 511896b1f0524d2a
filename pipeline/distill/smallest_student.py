"""The smallest student that the search found good enough."""

from __future__ import annotations

from typing import Any

from pipeline.core.errors import UserError
from pipeline.metrics.metric import Metric
from pipeline.tune.artifact import FAMILY, Best
from pipeline.tune.pareto import SIZE


def smallest(
    best: Best, drop: float, weights: int, metric: Metric
) -> tuple[str, dict[str, Any]]:
    """Builder and values of the front's smallest within `drop` of its best score.

    Args:
        best: of the tune stage; its front is of trials, scored on validation.
        drop: in units of the score.
        weights: of the trained model, which the student must be smaller than.
        metric: what the score is; says whether higher is better.

    Raises:
        UserError: when that is as large as the trained model.
    """
    merits = [metric.merit(row["score"]) for row in best.front]
    least = max(merits) - drop
    good = [row for row, merit in zip(best.front, merits) if merit >= least]
    row = min(good, key=lambda row: row[SIZE])
    if row["parameters"] >= weights:
        raise UserError(
            f"distill.smallest {drop:g}: of the {len(best.front)} trials on tune's "
            f"front, trial {row['trial']} is the smallest within {drop:g} of the best, "
            f"and has {row['parameters']:,} weights, as the trained model's "
            f"{weights:,}; search sizes (tune.objective: accuracy_and_size, width in "
            "tune.space), or allow a larger drop"
        )
    values = dict(row["values"])
    return values.pop(FAMILY, best.builder), values
