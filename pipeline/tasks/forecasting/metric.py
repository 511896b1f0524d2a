"""MASE of a forecast, bootstrapped over blocks of time or over series; sMAPE."""

from __future__ import annotations

import numpy as np

from pipeline.metrics import bootstrap
from pipeline.metrics.metric import Metric
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.forecasting.errors import MASE, PINBALL, SMAPE, Layout, errors
from pipeline.tasks.forecasting.task import TASK
from pipeline.tasks.spec import TaskSpec


def _metric(spec: TaskSpec) -> TaskMetric:
    """Return the metric of a data set.

    Args:
        spec: signature of the data.
    """
    others = {"smape": SMAPE, "pinball": PINBALL}
    return _of(
        spec,
        TASK.metric,
        MASE,
        {key: _of(spec, TASK.other(key), column) for key, column in others.items()},
    )


def _of(
    spec: TaskSpec,
    metric: Metric,
    column: int,
    others: dict[str, TaskMetric] | None = None,
) -> TaskMetric:
    layout = Layout(spec)

    def evidence(outputs: np.ndarray, inputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        return errors(layout, outputs, y)

    return TaskMetric(
        metric,
        evidence=evidence,
        value=lambda evidence, y: float(evidence[:, column].mean()),
        resampled=lambda evidence, y: bootstrap.mean(evidence[:, column]),
        others=others or {},
        blocks=layout.columns.block,
    )


METRIC = _metric
