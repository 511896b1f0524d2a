"""The one number that decides, for each task: the larger the better, 1 is perfect.

    task            key       is
    classification  accuracy  part of the examples whose largest logit is right
    regression      r2        1 - squared error / variance, the coefficient of
                              determination; the mean of the numbers scores 0
    reconstruction  auc       how probably an anomaly is rebuilt worse than a normal
                              example (Hanley, McNeil, The Meaning and Use of the Area
                              under a ROC Curve, 1982); chance is 0.5

Each is made of evidence, one number an example, so that intervals can be drawn from
resampled examples without running a model again:

    measure = measure_of(spec)                       # of spec.json's task
    x = spec.to_input(split.x)                       # what the model is given
    evidence = measure.evidence(outputs, x, split.y) # may be made in parts
    row = {measure.key: measure.value(evidence, split.y)}
    drawn = measure.value(evidence[at], split.y[at]) # of resampled positions

`key` is the field's name wherever a classification says "accuracy"; a history has it
with `val_` before it. `split.y` is as stored: class numbers; numbers on the scale
of `spec.target`, on which R2 is the same as in their own unit; 1 for an anomaly.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import rankdata

from pipeline.data.spec import TaskSpec
from pipeline.core.errors import UserError

Array = np.ndarray


@dataclass(frozen=True)
class Measure:
    """How well outputs answer.

    Args:
        key: in JSON, in columns and in `monitor`.
        name: as people call it.
        evidence: `(outputs, inputs, y)` -> one number an example, `(n,)`; inputs are
            what the model was given, y the labels as they are stored.
        value: `(evidence, y)` -> the measure.
        least: the smallest that it can be; the largest is 1.
        scale, unit: how changes are told: `+1.20 points` for accuracy, `+0.0120 R2`.
    """

    key: str
    name: str
    evidence: Callable[[Array, Array, Array], Array]
    value: Callable[[Array, Array], float]
    scale: float = 1.0
    unit: str = ""
    least: float = 0.0

    def of(self, outputs: Array, inputs: Array, y: Array) -> float:
        """The measure of a model's outputs, `(n, ...)`."""
        return self.value(self.evidence(outputs, inputs, y), y)

    def number(self, change: float, digits: int = 2) -> str:
        """A change without its unit: `+1.20`, or `+0.0120` of what is not in points.

        Args:
            digits: after the point of one in points; two more of any other.
        """
        more = digits if self.scale > 1 else digits + 2
        return f"{self.scale * change:+.{more}f}"

    def change(self, change: float, digits: int = 2) -> str:
        """A change with its unit: `+1.20 points`, `+0.0120 R2`."""
        return f"{self.number(change, digits)} {self.unit or self.name}"


def measure_of(spec: TaskSpec) -> Measure:
    """The measure of a task.

    Raises:
        UserError: for a task that has none, and so cannot go through the chain.
    """
    if spec.task not in MEASURES:
        raise UserError(
            f"{spec.source} is for {spec.task}, of which nothing is measured; the "
            f"chain is for {', '.join(MEASURES)}"
        )
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
    "classification": Measure("accuracy", "accuracy", _right, _mean, 100, "points"),
    "regression": Measure("r2", "R2", _residual, _determination, least=-np.inf),
    "reconstruction": Measure("auc", "AUC", _error, _area),
}
