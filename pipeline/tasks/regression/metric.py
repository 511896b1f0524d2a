"""R2, the coefficient of determination."""

from pipeline.metrics import bootstrap, task_metrics
from pipeline.tasks.regression.task import TASK

METRIC = task_metrics.TaskMetric(
    TASK.metric,
    evidence=task_metrics.residual,
    value=task_metrics.r2,
    resampled=bootstrap.r2,
)
