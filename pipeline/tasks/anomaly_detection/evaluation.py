"""How well reconstruction errors separate anomalies from normal examples.

In: the error of each example, `(n,)`, and 1 for an anomaly. Out: plain numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from pipeline.tasks.anomaly_detection.metric import METRIC
from pipeline.tasks.evaluation import Context, Evaluator, Model, Point


@dataclass(frozen=True)
class Errors:
    """Reconstruction errors of one file.

    Args:
        y: 1 for an anomaly, `(n,)`.
        error: mean squared error of each example, `(n,)`.
        threshold: above it an example is called an anomaly; chosen on validation.
    """

    y: np.ndarray
    error: np.ndarray
    threshold: float | None = None

    def called(self, kind: int) -> float | None:
        """Fraction of the examples of a kind that are called anomalies."""
        own = self.error[self.y == kind]
        if self.threshold is None or not len(own):
            return None
        return float(np.mean(own > self.threshold))


def compare(before: Errors, after: Errors, resamples: int, seed: int) -> dict[str, Any]:
    """A row of evaluation.json for `after`, compared with `before`.

    `drop` is the loss of AUC.
    """
    y, errors = after.y, (before.error, after.error)
    auc = METRIC.value(after.error, y)
    return {
        "auc": auc,
        "auc_interval": METRIC.interval(after.error, y, resamples, seed),
        "drop": METRIC.value(before.error, y) - auc,
        "drop_interval": METRIC.drop_interval(*errors, y, seed, resamples),
        "threshold": after.threshold,
        "found": after.called(1),
        "false_alarms": after.called(0),
    }


def _predict(context: Context, model: Model, point: Point) -> Errors:
    inputs, y = context.data.spec.to_input(context.test.x), context.test.y
    error = METRIC.evidence(model.answers(inputs), inputs, y)
    return Errors(y, error, point["threshold"])


EVALUATION = Evaluator(_predict, compare)
