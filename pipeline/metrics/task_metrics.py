"""Evidence, value and confidence interval of the metric of a task.

    task               key       value
    classification     accuracy  fraction of examples whose largest logit is correct
    regression         r2        1 - squared error / variance, the coefficient of
                                 determination; predicting the mean scores 0
    anomaly_detection  auc       probability that an anomaly is reconstructed worse than
                                 a normal example (Hanley, McNeil, The Meaning and Use
                                 of the Area under a ROC Curve, 1982); chance is 0.5

A value is computed from evidence, one row per example, so that a bootstrap can resample
examples without running the model again:

    metric = metric_of(spec)                         # pipeline.tasks.metric
    x = spec.to_input(split.x)                       # model inputs
    evidence = metric.evidence(outputs, x, split.y)  # can be computed in batches
    row = {metric.key: metric.value(evidence, split.y)}
    resampled = metric.value(evidence[rows], split.y[rows])

`split.y` holds targets as stored: class numbers; numbers on the scale of
`spec.target`, on which R2 is the same as in their own unit; 1 for an anomaly.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
from scipy.stats import rankdata

from pipeline.metrics import bootstrap, intervals
from pipeline.metrics.metric import Metric

Array = np.ndarray
Predict = Callable[[Array], Array]  # model inputs -> outputs
Rollout = Callable[[Predict, Array], Array]
BATCH = 256  # examples whose outputs are in memory


@dataclass(frozen=True)
class TaskMetric:
    """The `metric` part of a task.

    Args:
        metric: name, unit and direction.
        evidence: `(outputs, inputs, y)` -> one row per example, `(n, ...)`; inputs are
            model inputs, y are targets as stored.
        value: `(evidence, y)` -> the metric.
        resampled: `(evidence, y)` -> a statistic that computes the metric of many
            resamples at once, see `pipeline.metrics.bootstrap`. Default None: examples
            are repeated and `value` computes the metric of each resample.
        stratified: resamples keep the number of examples per value of y; default False.
        binary: evidence is 1 or 0 and the value is its mean, so that a resample of a
            difference is a draw from a multinomial distribution; default False.
        exact: evidence of 1 and 0 is compared with a model that is always right, so
            that the interval of the drop is that of a binomial fraction (Clopper,
            Pearson, The Use of Confidence or Fiducial Limits Illustrated in the Case of
            the Binomial, 1934); default False.
        decisions: column of pareto.json -> `(evidence, y)` -> a number that is fixed on
            validation for each file, such as a threshold, or None; default: no column.
        others: key -> another metric of the same evidence, which a budget can limit;
            default: none.
        blocks: y -> the block of each example, `(n,)`; a resample draws whole blocks,
            for examples that depend on each other (Künsch, The Jackknife and the
            Bootstrap for General Stationary Observations, 1989). Default None: examples
            are drawn. With fewer than two blocks no interval is defined.
        rollout: `(predict, y)` -> evidence, where outputs decide the next inputs, so
            that a model has to be run; `predict` maps model inputs `(n, *shape)` to
            outputs, y are targets as stored. Default None: `evidence` of the outputs.
    """

    metric: Metric
    evidence: Callable[[Array, Array, Array], Array]
    value: Callable[[Array, Array], float]
    resampled: Callable[[Array, Array], bootstrap.Statistic] | None = None
    stratified: bool = False
    binary: bool = False
    exact: bool = False
    decisions: Mapping[str, Callable[[Array, Array], float | None]] = field(
        default_factory=dict
    )
    others: Mapping[str, TaskMetric] = field(default_factory=dict)
    blocks: Callable[[Array], Array] | None = None
    rollout: Rollout | None = None

    @property
    def key(self) -> str:
        """Name in JSON and CSV."""
        return self.metric.key

    def of(self, outputs: Array, inputs: Array, y: Array) -> float:
        """Compute the metric of a model.

        Args:
            outputs: outputs of the model, `(n, ...)`.
            inputs: model inputs, `(n, *shape)`.
            y: targets as stored, `(n,)`.
        """
        return self.value(self.evidence(outputs, inputs, y), y)

    def of_batches(
        self, predict: Callable[[Array], Array], inputs: Array, y: Array
    ) -> float:
        """Compute the metric of a model without holding all of its outputs.

        Args:
            predict: model inputs `(batch, *shape)` -> outputs `(batch, ...)`.
            inputs: model inputs, `(n, *shape)`.
            y: targets as stored, `(n, ...)`.
        """
        evidence = [
            self.evidence(predict(inputs[rows]), inputs[rows], y[rows])
            for rows in (slice(n, n + BATCH) for n in range(0, len(y), BATCH))
        ]
        return self.value(np.concatenate(evidence), y)

    def interval(
        self, evidence: Array, y: Array, resamples: int, seed: int
    ) -> list[float] | None:
        """Compute the bootstrap interval of the metric of one model.

        Args:
            evidence: evidence of the model, `(n, ...)`.
            y: targets of the same examples, as stored, `(n,)`.
            resamples: number of resamples.
            seed: equal seeds draw equal examples.

        Returns:
            Low and high end at 95 % confidence, or None where the metric is undefined
            in some resample.
        """
        if self._is_one_block(y):
            return None
        weights = self._weights(y, resamples, seed)
        statistic = self._statistic(evidence, y)
        (interval,) = bootstrap.percentile_intervals(statistic, weights)
        return list(interval) if interval else None

    def drop_interval(
        self,
        before: Array | None,
        after: Array | None,
        y: Array,
        seed: int,
        resamples: int = bootstrap.RESAMPLES,
    ) -> list[float] | None:
        """Compute the paired bootstrap interval of the drop between two models.

        Args:
            before: evidence of the first model, `(n, ...)`.
            after: evidence of the second model, `(n, ...)`.
            y: targets of the same examples, as stored, `(n,)`.
            seed: equal seeds draw equal examples.
            resamples: number of resamples; default 2000. Binary evidence always uses
                10,000.

        Returns:
            Low and high end, rounded to 6 digits. None without evidence of both models,
            or where the metric is undefined in some resample.
        """
        if before is None or after is None or self._is_one_block(y):
            return None
        interval = self._paired(before, after, y, seed, resamples)
        return [round(float(end), 6) for end in interval] if interval else None

    def _paired(
        self, before: Array, after: Array, y: Array, seed: int, resamples: int
    ) -> bootstrap.Interval | None:
        sign = self.metric.sign
        if self.binary:
            losses = before.astype(int) - after.astype(int)
            return bootstrap.multinomial_interval(sign * losses, seed)
        if self.exact and np.isin(after, (0, 1)).all():
            return intervals.binomial(int((after == 0).sum()), len(after))
        old, new = (self._statistic(evidence, y) for evidence in (before, after))
        (interval,) = bootstrap.percentile_intervals(
            lambda weights: sign * (old(weights) - new(weights)),
            self._weights(y, resamples, seed),
        )
        return interval

    def _is_one_block(self, y: Array) -> bool:
        return self.blocks is not None and len(np.unique(self.blocks(y))) < 2

    def _statistic(self, evidence: Array, y: Array) -> bootstrap.Statistic:
        if self.resampled is not None:
            return self.resampled(evidence, y)
        return bootstrap.from_metric(self.value, evidence, y)

    def _weights(self, y: Array, resamples: int, seed: int) -> Iterator[Array]:
        """Stratified for anomalies: a resample without one has no ROC curve."""
        if self.blocks is not None:
            _, block = np.unique(self.blocks(y), return_inverse=True)
            drawn = bootstrap.bootstrap_weights(block.max() + 1, resamples, seed)
            return (weights[:, block] for weights in drawn)
        strata = y if self.stratified else None
        return bootstrap.bootstrap_weights(len(y), resamples, seed, strata)


def is_correct(outputs: Array, inputs: Array, y: Array) -> Array:
    """Return 1 where the largest logit is that of the true class, else 0, `(n,)`."""
    return (outputs.argmax(axis=1) == y).astype(np.float64)


def residual(outputs: Array, inputs: Array, y: Array) -> Array:
    """Compute target minus prediction, `(n,)`."""
    return y.astype(np.float64) - outputs.reshape(len(y)).astype(np.float64)


def reconstruction_error(outputs: Array, inputs: Array, y: Array) -> Array:
    """Compute the mean squared difference of output and input per example, `(n,)`."""
    difference = (outputs.astype(np.float64) - inputs).reshape(len(y), -1)
    return np.mean(difference**2, axis=1)


def mean(evidence: Array, y: Array) -> float:
    """Compute the mean of the evidence."""
    return float(evidence.mean())


def recalls(correct: Array, y: Array) -> Array:
    """Compute the recall of each class that occurs in `y`.

    Args:
        correct: 1 for a correct prediction, else 0, `(n,)`.
        y: class numbers, `(n,)`.
    """
    return np.array([correct[y == label].mean() for label in np.unique(y)])


def r2(residuals: Array, y: Array) -> float:
    """Compute R2 from residuals, `(n,)`; 0 where all targets are equal."""
    variance = float(np.var(y.astype(np.float64)))
    return 1 - float(np.mean(residuals**2)) / variance if variance else 0.0


def roc_auc(error: Array, y: Array) -> float:
    """Compute the area under the ROC curve of anomaly scores (Mann-Whitney U).

    Args:
        error: anomaly score of each example, `(n,)`.
        y: 1 for an anomaly, else 0, `(n,)`.

    Returns:
        The area; ties count half. 0.5 without examples of both kinds.
    """
    anomalies = y == 1
    pairs = int(anomalies.sum()) * int((~anomalies).sum())
    if not pairs:
        return 0.5
    rank_sum = rankdata(error)[anomalies].sum()
    smallest = anomalies.sum() * (anomalies.sum() + 1) / 2
    return float((rank_sum - smallest) / pairs)
