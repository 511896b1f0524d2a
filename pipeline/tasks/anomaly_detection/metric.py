"""AUC of the reconstruction error, and the threshold that is chosen for each file."""

from pipeline.metrics import bootstrap, task_metrics
from pipeline.metrics.anomaly_threshold import youden_threshold
from pipeline.tasks.anomaly_detection.task import TASK

METRIC = task_metrics.TaskMetric(
    TASK.metric,
    evidence=task_metrics.reconstruction_error,
    value=task_metrics.roc_auc,
    resampled=bootstrap.roc_auc,
    stratified=True,
    decisions={"threshold": youden_threshold},
)
