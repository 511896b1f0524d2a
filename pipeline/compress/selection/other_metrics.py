"""Measure the losses of metrics beside the task's own.

In: the evidence of the float baseline and of a file. Out: `[drop, low, high]` per
metric, which `other_drops` compares with a budget.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from pipeline.compress.selection.point import OtherDrops
from pipeline.metrics.task_metrics import TaskMetric

UNBALANCED = 0.5  # of an equal share: the smallest class has less


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


def is_unbalanced(y: Sequence[int] | np.ndarray, classes: int) -> bool:
    """Return whether the smallest class has less than half of an equal share.

    Args:
        y: class numbers of the training examples, `(n,)`.
        classes: number of classes.
    """
    counts = np.bincount(np.asarray(y, np.int64), minlength=classes)
    return bool(counts.min() * classes < UNBALANCED * len(y))
