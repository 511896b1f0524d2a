"""Accuracy: the fraction of examples whose largest logit is that of the true class."""

from pipeline.metrics import task_metrics
from pipeline.metrics.bootstrap import mean_of
from pipeline.tasks.classification.task import TASK

METRIC = task_metrics.TaskMetric(
    TASK.metric,
    evidence=task_metrics.is_correct,
    value=task_metrics.mean,
    resampled=lambda correct, y: mean_of(correct),
    counts=True,
)
