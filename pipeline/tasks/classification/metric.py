"""Accuracy: the fraction of examples whose largest logit is that of the true class."""

from dataclasses import replace

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
RECALLS = {
    "recall_min": task_metrics.TaskMetric(
        TASK.other("recall_min"),
        evidence=task_metrics.is_correct,
        value=lambda correct, y: float(task_metrics.recalls(correct, y).min()),
        resampled=lambda correct, y: bootstrap.recalls(correct, y, np.nanmin),
    ),
    "recall_mean": task_metrics.TaskMetric(
        TASK.other("recall_mean"),
        evidence=task_metrics.is_correct,
        value=lambda correct, y: float(task_metrics.recalls(correct, y).mean()),
        resampled=lambda correct, y: bootstrap.recalls(correct, y, np.nanmean),
    ),
}
METRIC = replace(ACCURACY, others=RECALLS)
