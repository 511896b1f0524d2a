"""mAP50, mAP50-95 and F1 of centers.

Evidence is what was found, `(n, found, 6)`, see `decoding.decode`. The score from which
an object counts as found is fixed on validation, where F1 of centers is best.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from pipeline.metrics.bootstrap import Statistic
from pipeline.metrics.metric import Metric
from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.detection.centers import best_f1, best_threshold, value_of
from pipeline.tasks.detection.decoding import decode
from pipeline.tasks.detection.precision import LEVELS, mean_precision
from pipeline.tasks.detection.task import TASK


def evidence(outputs: np.ndarray, inputs: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Find the boxes of images, `(n, found, 6)`; see `decoding.decode`.

    Args:
        outputs: `(n, rows, columns, classes + 4)`.
        inputs: not used.
        y: not used.
    """
    return decode(outputs)


def precision50(found: np.ndarray, y: np.ndarray) -> Statistic:
    """Return mAP at an IoU of 0.5 as a statistic; see `mean_precision`."""
    return mean_precision(found, y, LEVELS[:1])


def _metric(
    metric: Metric, resampled: Callable[[np.ndarray, np.ndarray], Statistic]
) -> TaskMetric:
    return TaskMetric(
        metric,
        evidence=evidence,
        value=lambda found, y: value_of(resampled(found, y), len(y)),
        resampled=resampled,
    )


OTHERS = {
    "map": _metric(TASK.other("map"), mean_precision),
    "center_f1": _metric(TASK.other("center_f1"), best_f1),
}
METRIC = replace(
    _metric(TASK.metric, precision50),
    others=OTHERS,
    decisions={"threshold": best_threshold},
)
