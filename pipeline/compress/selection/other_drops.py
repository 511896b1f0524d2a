"""Losses of metrics beside the task's own, which a budget can limit.

In: the evidence of each file, and limits. Out: `[drop, low, high]` per metric for each
point, and how far it exceeds a limit, as a number and as text.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from pipeline.compress.selection.point import OtherDrops, Point
from pipeline.metrics.metric import Metric
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.registry import get

EPSILON = 1e-12
UNBALANCED = 0.5  # of an equal share: the smallest class has less


@dataclass(frozen=True)
class Loss:
    """The loss of one metric of a point.

    Args:
        excess: by how much it exceeds its limit; infinity if it was not measured.
        text: with both numbers, such as `40.0 points of recall of the worst class lost
            (allowed: 10.0)`.
    """

    excess: float
    text: str


def measure(
    before: np.ndarray | None,
    after: np.ndarray | None,
    y: np.ndarray,
    metrics: Mapping[str, TaskMetric],
    seed: int,
) -> OtherDrops:
    """Measure the loss of each metric, with its paired interval.

    Args:
        before: evidence of the float baseline, `(n,)`.
        after: evidence of the file, `(n,)`; None without a file.
        y: targets of the same examples, `(n,)`.
        metrics: key -> metric.
        seed: of the bootstrap.

    Returns:
        Key -> drop, low and high end; empty without a file.
    """
    if before is None or after is None:
        return {}
    drops: OtherDrops = {}
    for key, metric in metrics.items():
        values = metric.value(after, y), metric.value(before, y)
        drop = round(metric.metric.drop(*values), 9)
        ends = metric.drop_interval(before, after, y, seed)
        drops[key] = [drop, *(ends or (None, None))]
    return drops


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
    """Yield each limit as text: `at most 10.0 points of recall of the worst class`."""
    for key, limit in limits.items():
        metric = get(task).other(key)
        yield f"{metric.name}: at most {metric.amount(limit)} lost"


def is_unbalanced(y: Sequence[int] | np.ndarray, classes: int) -> bool:
    """Return whether the smallest class has less than half of an equal share.

    Args:
        y: class numbers of the training examples, `(n,)`.
        classes: number of classes.
    """
    counts = np.bincount(np.asarray(y, np.int64), minlength=classes)
    return bool(counts.min() * classes < UNBALANCED * len(y))


def _upper(ends: Sequence[float | None] | None) -> float | None:
    values = [end for end in (ends or []) if end is not None]
    return max(values) if values else None


def _loss(metric: Metric, loss: float | None, limit: float) -> Loss:
    if loss is None:
        return Loss(math.inf, f"{metric.name}: not measured")
    text = f"{metric.name}: up to {metric.amount(loss)} lost"
    over = max(0.0, loss - limit - EPSILON)
    return Loss(over, f"{text} (allowed: {metric.bare(limit)})")
