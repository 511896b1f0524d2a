"""Accuracy: the fraction of examples whose largest logit is that of the true class."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from pipeline.metrics import bootstrap, task_metrics
from pipeline.tasks.classification.task import TASK

ACCURACY = task_metrics.TaskMetric(
    TASK.metric,
    evidence=task_metrics.is_correct,
    value=task_metrics.mean,
    resampled=lambda correct, y: bootstrap.mean(correct),
    binary=True,
)


def _of_recalls(key: str, reduce: Callable[..., Any]) -> task_metrics.TaskMetric:
    """A metric that is one number of the recalls of all classes."""
    return task_metrics.TaskMetric(
        TASK.other(key),
        evidence=task_metrics.is_correct,
        value=lambda correct, y: float(reduce(task_metrics.recalls(correct, y))),
        resampled=lambda correct, y: bootstrap.recalls(correct, y, reduce),
    )


RECALLS = {
    "recall_min": _of_recalls("recall_min", np.nanmin),
    "recall_mean": _of_recalls("recall_mean", np.nanmean),
}
METRIC = replace(ACCURACY, others=RECALLS)
