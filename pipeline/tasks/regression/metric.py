"""R2, the coefficient of determination; mean absolute and root mean squared error."""

import numpy as np

from pipeline.metrics import bootstrap, task_metrics
from pipeline.tasks.regression.task import TASK


def _rmse(residuals: np.ndarray, y: np.ndarray) -> bootstrap.Statistic:
    squares = bootstrap.mean(residuals**2)
    return lambda weights: np.sqrt(squares(weights))


ERRORS = {
    "mae": task_metrics.TaskMetric(
        TASK.other("mae"),
        evidence=task_metrics.residual,
        value=lambda residuals, y: float(np.abs(residuals).mean()),
        resampled=lambda residuals, y: bootstrap.mean(np.abs(residuals)),
    ),
    "rmse": task_metrics.TaskMetric(
        TASK.other("rmse"),
        evidence=task_metrics.residual,
        value=lambda residuals, y: float(np.sqrt(np.mean(residuals**2))),
        resampled=_rmse,
    ),
}
METRIC = task_metrics.TaskMetric(
    TASK.metric,
    evidence=task_metrics.residual,
    value=task_metrics.r2,
    resampled=bootstrap.r2,
    others=ERRORS,
)
