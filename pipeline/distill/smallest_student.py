"""Choice of the student from the Pareto front of the search."""

from __future__ import annotations

from typing import Any

from pipeline.core.errors import UserError
from pipeline.metrics.metric import Metric
from pipeline.tune.artifact import FAMILY, Best
from pipeline.tune.pareto import SIZE


def smallest_student(
    best: Best, drop: float, weights: int, metric: Metric
) -> tuple[str, dict[str, Any]]:
    """Choose the smallest model of the front within `drop` of its best score.

    Args:
        best: result of the tune stage; its front has the validation scores of trials.
        drop: largest allowed loss, in units of the score.
        weights: number of parameters of the trained model; the student must have fewer.
        metric: metric of the score, which says whether higher is better.

    Returns:
        The builder, and the values of its hyperparameters.

    Raises:
        UserError: when that model is not smaller than the trained one.
    """
    merits = [metric.merit(row["score"]) for row in best.front]
    threshold = max(merits) - drop
    eligible = [row for row, merit in zip(best.front, merits) if merit >= threshold]
    smallest = min(eligible, key=lambda row: row[SIZE])
    if smallest["parameters"] >= weights:
        raise UserError(
            f"distill.smallest {drop:g}: of the {len(best.front)} trials on tune's "
            f"Pareto front, trial {smallest['trial']} is the smallest within {drop:g} "
            f"of the best, but its {smallest['parameters']:,} parameters are not fewer "
            f"than the trained model's {weights:,}; search sizes (tune.objective: "
            "accuracy_and_size, or width in tune.space), or allow a larger drop"
        )
    values = dict(smallest["values"])
    return values.pop(FAMILY, best.builder), values
