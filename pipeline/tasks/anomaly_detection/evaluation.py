"""Evaluation of anomaly detectors: how well errors separate anomalies from normal ones.

In: reconstruction error of each example, `(n,)`, and 1 for an anomaly. Out: a row of
evaluation.json.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.tasks.anomaly_detection.metric import METRIC
from pipeline.tasks.evaluation import (
    Comparison,
    Context,
    Evaluator,
    Model,
    Point,
    as_row,
)


@dataclass(frozen=True)
class Errors:
    """Reconstruction errors of one file.

    Args:
        y: 1 for an anomaly, `(n,)`.
        error: mean squared error of each example, `(n,)`.
        threshold: error above which an example is called an anomaly, chosen on
            validation; None where none could be chosen.
    """

    y: np.ndarray
    error: np.ndarray
    threshold: float | None = None

    def fraction_above(self, kind: int) -> float | None:
        """Return the fraction of examples of a kind whose error exceeds the threshold.

        Args:
            kind: 1 for anomalies, 0 for normal examples.

        Returns:
            The fraction; None without a threshold or without such examples.
        """
        errors = self.error[self.y == kind]
        if self.threshold is None or not len(errors):
            return None
        return float(np.mean(errors > self.threshold))


@dataclass(frozen=True)
class AnomalyComparison(Comparison):
    """One file compared with the reference.

    Args:
        auc: area under the ROC curve of the errors.
        auc_interval: bootstrap interval; None where it is undefined.
        drop: AUC lost against the reference.
        drop_interval: paired bootstrap interval of the drop.
        threshold: error above which an example is called an anomaly.
        found: detection rate, the fraction of anomalies above the threshold.
        false_alarms: fraction of normal examples above the threshold.
    """

    auc: float
    auc_interval: list[float] | None
    drop: float
    drop_interval: list[float] | None
    threshold: float | None
    found: float | None
    false_alarms: float | None


def compare(
    before: Errors, after: Errors, resamples: int, seed: int
) -> AnomalyComparison:
    """Compare a file with the reference.

    Args:
        before: errors of the reference.
        after: errors of the file, for the same examples.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal examples.
    """
    y, errors = after.y, (before.error, after.error)
    auc = METRIC.value(after.error, y)
    return AnomalyComparison(
        auc=auc,
        auc_interval=METRIC.interval(after.error, y, resamples, seed),
        drop=METRIC.value(before.error, y) - auc,
        drop_interval=METRIC.drop_interval(*errors, y, seed, resamples),
        threshold=after.threshold,
        found=after.fraction_above(1),
        false_alarms=after.fraction_above(0),
    )


def _predict(context: Context, model: Model, point: Point) -> Errors:
    inputs, y = context.data.spec.to_input(context.test.x), context.test.y
    error = METRIC.evidence(model.predict(inputs), inputs, y)
    return Errors(y, error, point["threshold"])


EVALUATION = Evaluator(_predict, as_row(compare), evidence=lambda errors: errors.error)
