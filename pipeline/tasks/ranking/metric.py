"""NDCG@10, recall@10 and MRR over users, or over links of a graph."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.metrics import bootstrap
from pipeline.metrics.metric import Metric
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.ranking.ranks import ndcg, ranks, recall, reciprocal
from pipeline.tasks.ranking.task import TASK

OfRank = Callable[[np.ndarray], np.ndarray]


def _evidence(outputs: np.ndarray, inputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute the rank of each true item, `(n,)`."""
    return ranks(outputs, y)


def _of(
    metric: Metric, of_rank: OfRank, others: dict[str, TaskMetric] | None = None
) -> TaskMetric:
    return TaskMetric(
        metric,
        evidence=_evidence,
        value=lambda rank, y: float(of_rank(rank).mean()),
        resampled=lambda rank, y: bootstrap.mean(of_rank(rank)),
        others=others or {},
    )


METRIC = _of(
    TASK.metric,
    ndcg,
    {
        "recall_at_10": _of(TASK.other("recall_at_10"), recall),
        "mrr": _of(TASK.other("mrr"), reciprocal),
    },
)
