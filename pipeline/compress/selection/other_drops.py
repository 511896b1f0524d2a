"""Compare the losses of metrics beside the task's own with the limits of a budget.

In: `[drop, low, high]` per metric of a point, and limits. Out: how far the point
exceeds each limit, as a number and as text. Imports no numeric library.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.compress.selection.point import Point
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import get

EPSILON = 1e-12  # 0.98 - 0.97 is slightly more than 0.01


@dataclass(frozen=True)
class Loss:
    """The loss of one metric of a point.

    Args:
        excess: by how much it exceeds its limit; infinity if it was not measured.
        text: with both numbers, such as `recall of the worst class: up to 40.0 points
            lost (allowed: 10.0)`.
    """

    excess: float
    text: str


def losses(
    point: Point, task: str, limits: Mapping[str, float], guard: Mapping[str, float]
) -> list[Loss]:
    """Compare the losses of a point with limits.

    Args:
        point: a point with a file.
        task: name of the task.
        limits: key -> limit of the upper end of the interval.
        guard: key -> limit of the loss itself.
    """
    upper = {key: _upper(point.other_drops.get(key)) for key in limits}
    itself = {key: point.other_drops.get(key, [None])[0] for key in guard}
    return [
        *(_loss(get(task).other(key), upper[key], limits[key]) for key in limits),
        *(_loss(get(task).other(key), itself[key], guard[key]) for key in guard),
    ]


def phrases(task: str, limits: Mapping[str, float]) -> Iterable[str]:
    """Yield each limit as text: `NAME OF THE METRIC: at most 10.0 points lost`."""
    for key, limit in limits.items():
        metric = get(task).other(key)
        yield f"{metric.name}: at most {metric.amount(limit)} lost"


def _upper(ends: Sequence[float | None] | None) -> float | None:
    values = [end for end in (ends or []) if end is not None]
    return max(values) if values else None


def _loss(metric: Metric, loss: float | None, limit: float) -> Loss:
    if loss is None:
        return Loss(math.inf, f"{metric.name}: not measured")
    text = f"{metric.name}: up to {metric.amount(loss)} lost"
    over = max(0.0, loss - limit - EPSILON)
    return Loss(over, f"{text} (allowed: {metric.bare(limit)})")
