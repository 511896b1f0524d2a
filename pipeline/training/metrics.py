"""Checks of a model and of a monitor against the task."""

from __future__ import annotations

from typing import Any

from pipeline.core.errors import UserError
from pipeline.models.errors import ModelError
from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec


def check_outputs(model: Any, spec: TaskSpec) -> None:
    """Check the output shape of a model, such as one of a custom builder.

    Loss and metric of tasks with a class per example check it themselves.

    Args:
        model: a Keras model with one output.
        spec: signature of the data.

    Raises:
        ModelError: names the shape of the output and the shape that the task needs.
    """
    task = task_of(spec)
    if task.predicts_classes and not (task.dense or task.per_step):
        return
    received = tuple(model.output_shape[1:])
    if not task.accepts(received, spec):
        raise ModelError(
            f"builder: the model's output has the shape {received}; {spec.source} is "
            f"for {task.title}, which needs {task.needs(spec)}; choose another builder"
        )


def check_monitor(monitor: str, spec: TaskSpec) -> None:
    """Check that the monitor is the loss or the metric of the task.

    Args:
        monitor: `loss` or the key of a metric.
        spec: signature of the data.

    Raises:
        UserError: names the metric of the task.
    """
    task = task_of(spec)
    if monitor not in ("loss", task.metric.key):
        raise UserError(
            f"monitor {monitor}: {spec.source} is for {task.title}, whose metric is "
            f"{task.metric.key}; set monitor to loss or {task.metric.key}"
        )
