"""One-shot recall@1, recall@1 among all other examples, and the equal error rate.

Evidence of an example is its vector, of length 1. What a query decides is computed
once, so that a bootstrap resamples queries, and the gallery stays.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipeline.metrics import bootstrap
from pipeline.metrics.metric import Metric
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.embedding.distances import (
    equal_error,
    equal_error_of,
    nearest_hits,
    normalized,
    one_shot,
    pair_counts,
)
from pipeline.tasks.embedding.task import TASK

Array = np.ndarray


def evidence(outputs: Array, inputs: Array, y: Array) -> Array:
    """Divide the outputs by their length, `(n, size)`.

    Args:
        outputs: of a model, `(n, size)`.
        inputs: not used.
        y: not used.
    """
    return normalized(outputs)


def threshold(vectors: Array, y: Array) -> float | None:
    """Return the distance of the equal error rate; None without pairs of both kinds.

    Args:
        vectors: of length 1, `(n, size)`.
        y: class numbers, `(n,)`.
    """
    distance = float(equal_error(pair_counts(vectors, y).sum(axis=0))[1])
    return distance if np.isfinite(distance) else None


def _recall(metric: Metric, per_query: Callable[[Array, Array], Array]) -> TaskMetric:
    def value(vectors: Array, y: Array) -> float:
        hits = per_query(vectors, y)
        return float(np.nanmean(hits)) if np.isfinite(hits).any() else 0.0

    def resampled(vectors: Array, y: Array) -> bootstrap.Statistic:
        hits = per_query(vectors, y)
        counted = np.isfinite(hits)
        both = bootstrap.mean(np.where(counted, hits, 0), counted)

        def statistic(weights: Array) -> Array:
            right, total = both(weights).T
            return np.divide(right, total, out=np.zeros_like(right), where=total > 0)[
                :, None
            ]

        return statistic

    return TaskMetric(metric, evidence=evidence, value=value, resampled=resampled)


def _error_rate(vectors: Array, y: Array) -> float:
    rate = float(equal_error(pair_counts(vectors, y).sum(axis=0))[0])
    return rate if np.isfinite(rate) else 1.0


OTHERS = {
    "recall_all": _recall(TASK.other("recall_all"), nearest_hits),
    "eer": TaskMetric(
        TASK.other("eer"),
        evidence=evidence,
        value=_error_rate,
        resampled=lambda vectors, y: equal_error_of(pair_counts(vectors, y)),
    ),
}
METRIC = replace(
    _recall(TASK.metric, one_shot), decisions={"threshold": threshold}, others=OTHERS
)
