"""The one number that decides, for each task: the larger the better, 1 is perfect.

    classification   accuracy: part of the examples whose largest logit is right
    regression       R2: 1 - squared error / variance, the coefficient of determination
    reconstruction   AUC: how probably an anomaly is rebuilt worse than a normal example
                     (Hanley, McNeil, The Meaning and Use of the Area under a ROC
                     Curve, 1982); the score of an example is its mean squared error

Each is made of evidence, one number an example, so that intervals can be drawn from
resampled examples without running a model again.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from pipeline.data.spec import TaskSpec

Array = np.ndarray


@dataclass(frozen=True)
class Measure:
    """How well outputs answer.

    Args:
        name: as people call it.
        evidence: `(outputs, inputs, y)` -> one number an example, `(n,)`; inputs are
            what the model was given, y the labels as they are stored.
        value: `(evidence, y)` -> the measure.
    """

    name: str
    evidence: Callable[[Array, Array, Array], Array]
    value: Callable[[Array, Array], float]

    def of(self, outputs: Array, inputs: Array, y: Array) -> float:
        """The measure of a model's outputs, `(n, ...)`."""
        return self.value(self.evidence(outputs, inputs, y), y)


def measure_of(spec: TaskSpec) -> Measure:
    """The measure of a task."""
    return MEASURES[spec.task]


def _right(outputs: Array, inputs: Array, y: Array) -> Array:
    return (outputs.argmax(axis=1) == y).astype(np.float64)


def _residual(outputs: Array, inputs: Array, y: Array) -> Array:
    return y.astype(np.float64) - outputs.reshape(len(y)).astype(np.float64)


def _error(outputs: Array, inputs: Array, y: Array) -> Array:
    apart = (outputs.astype(np.float64) - inputs).reshape(len(y), -1)
    return np.mean(apart**2, axis=1)


def _mean(evidence: Array, y: Array) -> float:
    return float(evidence.mean())


def _determination(residual: Array, y: Array) -> float:
    variance = float(np.var(y.astype(np.float64)))
    return 1 - float(np.mean(residual**2)) / variance if variance else 0.0


def _area(error: Array, y: Array) -> float:
    """Mann and Whitney's statistic; ties count half, 0.5 where a kind is missing."""
    anomalies = y == 1
    pairs = int(anomalies.sum()) * int((~anomalies).sum())
    if not pairs:
        return 0.5
    ranks = rankdata(error)[anomalies].sum()
    least = anomalies.sum() * (anomalies.sum() + 1) / 2
    return float((ranks - least) / pairs)


MEASURES = {
    "classification": Measure("accuracy", _right, _mean),
    "regression": Measure("R2", _residual, _determination),
    "reconstruction": Measure("AUC", _error, _area),
}
