"""The `metric` part of a task."""

from __future__ import annotations

from pipeline.core.errors import UserError
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks import registry
from pipeline.tasks.spec import TaskSpec


def metric_of(spec: TaskSpec) -> TaskMetric:
    """Return the metric part of a data set's task.

    Args:
        spec: signature of the data.

    Raises:
        UserError: for a task without a metric.
    """
    task = registry.task_of(spec)
    if not task.chain:
        raise UserError(
            f"{spec.source}: task {spec.task} has no metric, so no stage can evaluate "
            f"it; choose {', '.join(registry.TASKS)}, or a task of your own"
        )
    metric: TaskMetric = task.part_for("metric", spec)
    return metric
