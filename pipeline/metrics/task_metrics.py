"""How the metric of a task is computed, and how certain it is.

    task               key       value
    classification     accuracy  fraction of examples whose largest logit is right
    regression         r2        1 - squared error / variance, the coefficient of
                                 determination; predicting the mean scores 0
    anomaly_detection  auc       probability that an anomaly is reconstructed worse than
                                 a normal example (Hanley, McNeil, The Meaning and Use
                                 of the Area under a ROC Curve, 1982); chance is 0.5

Values are made of evidence, one row per example, so that a bootstrap can draw examples
again without running the model again:

    metric = metric_of(spec)                         # pipeline.tasks.metric
    x = spec.to_input(split.x)                       # model inputs
    evidence = metric.evidence(outputs, x, split.y)  # can be computed in pieces
    row = {metric.key: metric.value(evidence, split.y)}
    drawn = metric.value(evidence[rows], split.y[rows])

`split.y` holds targets as stored: class numbers; numbers on the scale of
`spec.target`, on which R2 is the same as in their own unit; 1 for an anomaly.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import rankdata

from pipeline.metrics import bootstrap
from pipeline.metrics.metric import Metric

Array = np.ndarray


@dataclass(frozen=True)
class TaskMetric:
    """Evidence, value and bootstrap of a task's metric.

    Args:
        metric: its name, unit and direction.
        evidence: `(outputs, inputs, y)` -> one row per example, `(n, ...)`; inputs are
            model inputs, y are targets as stored.
        value: `(evidence, y)` -> the metric.
        resampled: `(evidence, y)` -> the metric of many resamples at once, see
            `pipeline.metrics.bootstrap`; None computes each with `value`.
        stratified: draw as many examples of each value of y as there are.
        counts: evidence is 1 or 0, and the value its mean: a resample of a difference
            is a draw from a multinomial distribution of three outcomes.
        decisions: column of pareto.json -> `(evidence, y)` -> a number that is fixed on
            validation for each file, such as a threshold, or None.
    """

    metric: Metric
    evidence: Callable[[Array, Array, Array], Array]
    value: Callable[[Array, Array], float]
    resampled: Callable[[Array, Array], bootstrap.Statistic] | None = None
    stratified: bool = False
    counts: bool = False
    decisions: Mapping[str, Callable[[Array, Array], float | None]] = field(
        default_factory=dict
    )

    @property
    def key(self) -> str:
        """Name in JSON and CSV."""
        return self.metric.key

    def of(self, outputs: Array, inputs: Array, y: Array) -> float:
        """The metric of a model's outputs, `(n, ...)`."""
        return self.value(self.evidence(outputs, inputs, y), y)

    def interval(
        self, evidence: Array, y: Array, resamples: int, seed: int
    ) -> list[float] | None:
        """The bootstrap interval of one model's value; None where it is undefined."""
        weights = bootstrap.draws(len(y), resamples, seed, self._strata(y))
        (ends,) = bootstrap.intervals(self._statistic(evidence, y), weights)
        return list(ends) if ends else None

    def drop_interval(
        self,
        before: Array | None,
        after: Array | None,
        y: Array,
        seed: int,
        resamples: int = bootstrap.RESAMPLES,
    ) -> list[float] | None:
        """The paired bootstrap interval of the drop from one model to another.

        Args:
            before, after: evidence of both models, `(n, ...)`.
            y: targets of the same examples, as stored.
            seed: equal seeds draw equal examples.

        Returns:
            Low and high end, or None where one of the models has no evidence, or where
            the metric is undefined in some resample.
        """
        if before is None or after is None:
            return None
        ends = self._paired(before, after, y, seed, resamples)
        return [round(float(end), 6) for end in ends] if ends else None

    def _paired(
        self, before: Array, after: Array, y: Array, seed: int, resamples: int
    ) -> bootstrap.Interval | None:
        sign = self.metric.sign
        if self.counts:
            lost = before.astype(int) - after.astype(int)
            return bootstrap.counted_interval(sign * lost, seed)
        old, new = (self._statistic(rows, y) for rows in (before, after))
        weights = bootstrap.draws(len(y), resamples, seed, self._strata(y))
        (ends,) = bootstrap.intervals(lambda w: sign * (old(w) - new(w)), weights)
        return ends

    def _statistic(self, evidence: Array, y: Array) -> bootstrap.Statistic:
        if self.resampled is not None:
            return self.resampled(evidence, y)
        return bootstrap.repeated(self.value, evidence, y)

    def _strata(self, y: Array) -> Array | None:
        """Anomalies may be few, and without one there is no area under a curve."""
        return y if self.stratified else None


def is_correct(outputs: Array, inputs: Array, y: Array) -> Array:
    """1 where the largest logit is that of the true class, else 0, `(n,)`."""
    return (outputs.argmax(axis=1) == y).astype(np.float64)


def residual(outputs: Array, inputs: Array, y: Array) -> Array:
    """Target minus prediction, `(n,)`."""
    return y.astype(np.float64) - outputs.reshape(len(y)).astype(np.float64)


def reconstruction_error(outputs: Array, inputs: Array, y: Array) -> Array:
    """Mean squared difference of output and input per example, `(n,)`."""
    difference = (outputs.astype(np.float64) - inputs).reshape(len(y), -1)
    return np.mean(difference**2, axis=1)


def mean(evidence: Array, y: Array) -> float:
    """The mean of the evidence."""
    return float(evidence.mean())


def determination(residuals: Array, y: Array) -> float:
    """R2 from residuals, `(n,)`; 0 where all targets are equal."""
    variance = float(np.var(y.astype(np.float64)))
    return 1 - float(np.mean(residuals**2)) / variance if variance else 0.0


def area(error: Array, y: Array) -> float:
    """Mann and Whitney's statistic; ties count half, 0.5 where a kind is missing."""
    anomalies = y == 1
    pairs = int(anomalies.sum()) * int((~anomalies).sum())
    if not pairs:
        return 0.5
    ranks = rankdata(error)[anomalies].sum()
    smallest = anomalies.sum() * (anomalies.sum() + 1) / 2
    return float((ranks - smallest) / pairs)
