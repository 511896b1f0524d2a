"""Which limits of the budget each variant exceeds, on validation as in compress.

In: rows of ExperimentData and the budget of pareto.json. Out: phrases per row.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.compress.selection.budget import Limits, read_limits
from pipeline.compress.selection.pareto_front import nearest_miss
from pipeline.compress.selection.point import Point
from pipeline.metrics.metric import Metric

Row = dict[str, Any]


class BudgetCheck:
    """The rows of an experiment as compress saw them, and the limits of its budget.

    Args:
        rows: rows of ExperimentData.
        budget: `budget` of pareto.json.
        score: metric of the task.
        task: name of the task, as in spec.json.
    """

    def __init__(
        self, rows: Sequence[Row], budget: Mapping[str, Any], score: Metric, task: str
    ):
        self.points = {row["id"]: _on_validation(row, score) for row in rows}
        times = {
            row["id"]: {"median": row["latency_ms"]}
            for row in rows
            if row["latency_ms"] is not None
        }
        self.limits: Limits = read_limits(budget, score, times, task)

    def excesses(self, name: str) -> list[str]:
        """Return what a variant exceeds, such as `up to 4.2 points`.

        Args:
            name: id of the variant; one that is not `ok` exceeds nothing.
        """
        point = self.points[name]
        usable = point.status == "ok" and point.drop is not None
        return self.limits.excesses(point) if usable else []

    def closest(self) -> tuple[str | None, list[str]]:
        """Return the id of the file that exceeds the budget least, and what it exceeds.

        Returns:
            One phrase with both numbers per limit; None if there is no usable file.
        """
        miss = nearest_miss(list(self.points.values()), self.limits)
        return (miss.id, self.limits.violations(miss)) if miss else (None, [])


def validation_keys(score: Metric) -> dict[str, str]:
    """Keys that compress and evaluate share -> the key of compress's value in a row.

    Args:
        score: metric of the task.
    """
    keys = (score.key, "drop", "drop_interval")
    return {key: f"validation_{key}" for key in keys}


def _on_validation(row: Row, score: Metric) -> Point:
    names = validation_keys(score).items()
    return Point.from_json(row | {key: row.get(own) for key, own in names})
