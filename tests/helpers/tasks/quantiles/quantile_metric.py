"""Pinball loss of three quantiles."""

import numpy as np
from quantile_task import TASK

from pipeline.metrics.task_metrics import TaskMetric, mean

QUANTILES = np.array([0.1, 0.5, 0.9])


def _losses(outputs, inputs, y):
    """Loss per example, the mean over the quantiles, `(n,)`."""
    difference = y.astype(np.float64)[:, None] - outputs
    return np.maximum(QUANTILES * difference, (QUANTILES - 1) * difference).mean(axis=1)


METRIC = TaskMetric(TASK.metric, evidence=_losses, value=mean)
