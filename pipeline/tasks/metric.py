"""The metric part of a signature's task."""

from __future__ import annotations

from pipeline.core.errors import UserError
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks import registry
from pipeline.tasks.spec import TaskSpec


def metric_of(spec: TaskSpec) -> TaskMetric:
    """How the metric of a task is computed.

    Raises:
        UserError: for a task of which nothing is measured.
    """
    task = registry.task_of(spec)
    if not task.chain:
        raise UserError(
            f"{spec.source} is for {spec.task}, of which nothing is measured; the "
            f"chain is for {', '.join(registry.TASKS)}"
        )
    metric: TaskMetric = task.part("metric")
    return metric
