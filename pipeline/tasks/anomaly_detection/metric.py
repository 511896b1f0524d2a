"""AUC of the reconstruction error, and the threshold that each file is given."""

from pipeline.metrics import task_metrics
from pipeline.metrics.anomaly_threshold import threshold
from pipeline.metrics.bootstrap import area_of
from pipeline.tasks.anomaly_detection.task import TASK

METRIC = task_metrics.TaskMetric(
    TASK.metric,
    evidence=task_metrics.reconstruction_error,
    value=task_metrics.area,
    resampled=area_of,
    stratified=True,
    decisions={"threshold": threshold},
)
