"""Refuse a model or a monitor that a task cannot use."""

from __future__ import annotations

from typing import Any

from pipeline.core.errors import UserError
from pipeline.models.mistakes import Mistake
from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec


def check_outputs(model: Any, spec: TaskSpec) -> None:
    """Refuse a model whose output has another shape than the task's, such as a user's.

    Of tasks with classes, loss and metric check that themselves.

    Raises:
        Mistake: names the shape of its output, and the one that is needed.
    """
    task = task_of(spec)
    if task.predicts_classes:
        return
    needed, received = task.output_shape(spec), tuple(model.output_shape[1:])
    if received != needed:
        raise Mistake(
            f"builder: the model's output has the shape {received}; {spec.source} is for "
            f"{task.title}, which needs {needed}; choose another builder"
        )


def check_monitor(monitor: str, spec: TaskSpec) -> None:
    """Refuse the metric of another task.

    Raises:
        UserError: names the metric of this task.
    """
    task = task_of(spec)
    if monitor not in ("loss", task.metric.key):
        raise UserError(
            f"monitor {monitor}: {spec.source} is for {task.title}, whose metric is "
            f"{task.metric.key}; set monitor to loss or {task.metric.key}"
        )
