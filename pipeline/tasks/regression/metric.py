"""R2, the coefficient of determination."""

from pipeline.metrics import task_metrics
from pipeline.metrics.bootstrap import determination_of
from pipeline.tasks.regression.task import TASK

METRIC = task_metrics.TaskMetric(
    TASK.metric,
    evidence=task_metrics.residual,
    value=task_metrics.determination,
    resampled=determination_of,
)
