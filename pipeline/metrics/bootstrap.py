"""Paired bootstrap: confidence intervals of metrics and of their differences.

The same examples are drawn with replacement for both models, so examples that are
hard for both do not widen the interval of the difference (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993). A resample is a row of weights: how often each
example was drawn. A `Statistic` computes a metric of many resamples at once:

    accuracy = mean(correct)            # correct: 1 or 0 per example, (n,)
    accuracy(weights)                   # (resamples, n) -> (resamples, 1)

compress computes the interval of a drop on the validation split, evaluate the interval
of every metric on the test split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

CONFIDENCE = 0.95
CHUNK = 2_000_000  # maximum number of weights in memory, 16 MB
RESAMPLES = 2000  # of a drop, by default
MULTINOMIAL_RESAMPLES = 10_000  # of a drop in accuracy, where one is a single draw
Interval = tuple[float, float]
Statistic = Callable[[np.ndarray], np.ndarray]


def bootstrap_weights(
    count: int, resamples: int, seed: int, strata: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Draw resamples, in chunks that fit in memory.

    Args:
        count: number of examples.
        resamples: number of resamples.
        seed: equal seeds draw equal examples.
        strata: stratum of each example, `(count,)`; every resample keeps the number of
            examples per stratum. Default None: one stratum.

    Yields:
        Weights `(rows, count)` float64, `resamples` rows in total.
    """
    rng = np.random.default_rng(seed)
    size = max(1, CHUNK // count)
    members = [np.flatnonzero(strata == stratum) for stratum in _unique(strata)]
    for begin in range(0, resamples, size):
        rows = min(size, resamples - begin)
        yield np.stack([_weights(rng, count, members) for _ in range(rows)])


def percentile_intervals(
    statistic: Statistic, weights: Iterator[np.ndarray]
) -> list[Interval | None]:
    """Compute the percentile interval of each column of a statistic.

    Args:
        statistic: weights `(rows, count)` -> values `(rows, columns)`.
        weights: chunks of weights, as `bootstrap_weights` yields them.

    Returns:
        Low and high end at 95 % confidence per column; None for a column that is
        undefined (NaN) in some resample, such as the recall of an absent class.
    """
    values = np.concatenate([statistic(chunk) for chunk in weights])
    bounds = np.quantile(values, _tails(), axis=0).T
    return [
        None if np.isnan((low, high)).any() else (float(low), float(high))
        for low, high in bounds
    ]


def multinomial_interval(differences: np.ndarray, seed: int) -> Interval:
    """Compute the interval of the mean of differences that are 1, 0 or -1.

    A resample of such differences is one draw from a multinomial distribution.

    Args:
        differences: one difference per example, `(n,)`.
        seed: equal seeds draw equal counts.

    Returns:
        Low and high end at 95 % confidence.
    """
    count = len(differences)
    fractions = [np.mean(differences == value) for value in (1, -1, 0)]
    rng = np.random.default_rng(seed)
    counts = rng.multinomial(count, fractions, MULTINOMIAL_RESAMPLES)
    low, high = np.quantile((counts[:, 0] - counts[:, 1]) / count, _tails())
    return low, high


def from_metric(
    metric: Callable[[np.ndarray, np.ndarray], float],
    evidence: np.ndarray,
    y: np.ndarray,
) -> Statistic:
    """Compute any metric, by repeating each example as often as it was drawn.

    Slower than a statistic that uses the weights themselves.

    Args:
        metric: `(evidence, y)` -> value.
        evidence: one row per example, `(n, ...)`.
        y: targets, `(n,)`.
    """

    def statistic(weights: np.ndarray) -> np.ndarray:
        rows = (np.repeat(np.arange(len(y)), row.astype(int)) for row in weights)
        return np.array([[metric(evidence[index], y[index])] for index in rows])

    return statistic


def mean(*columns: np.ndarray) -> Statistic:
    """Mean of each column.

    Args:
        *columns: values per example, each `(n,)`.
    """
    table = np.stack(columns, axis=1).astype(np.float64)
    return lambda weights: (weights @ table) / weights.sum(axis=1, keepdims=True)


def difference(before: Statistic, after: Statistic) -> Statistic:
    """Subtract a statistic of one model from that of another, on the same resamples.

    Args:
        before: of the first model.
        after: of the second model.
    """
    return lambda weights: after(weights) - before(weights)


def once(statistic: Statistic, count: int) -> np.ndarray:
    """Compute a statistic of all examples, each drawn once, `(columns,)`.

    Args:
        statistic: weights `(rows, count)` -> values `(rows, columns)`.
        count: number of examples.
    """
    return statistic(np.ones((1, count)))[0]


def recall(y: np.ndarray, predicted: np.ndarray, classes: int) -> Statistic:
    """Recall of each class; NaN where a resample has no example of the class.

    Args:
        y: true classes, `(n,)`.
        predicted: predicted classes, `(n,)`.
        classes: number of classes.
    """
    true = _one_hot(y, classes)
    correct = true * (y == predicted)[:, None]
    return lambda weights: _ratio(weights @ correct, weights @ true)


def recalls(
    correct: np.ndarray, y: np.ndarray, reduce: Callable[..., np.ndarray]
) -> Statistic:
    """One number of the recalls of all classes that occur in a resample.

    Args:
        correct: 1 for a correct prediction, else 0, `(n,)`.
        y: class numbers, `(n,)`.
        reduce: of the recalls, such as `np.nanmin` or `np.nanmean`.
    """
    labels, number = np.unique(y, return_inverse=True)
    predicted = np.where(correct == 1, number, -1)  # -1 is none of the classes
    per_class = recall(number, predicted, len(labels))
    return lambda weights: reduce(per_class(weights), axis=1, keepdims=True)


def macro_f1(y: np.ndarray, predicted: np.ndarray, classes: int) -> Statistic:
    """Macro F1 over the classes that occur in `y`.

    Args:
        y: true classes, `(n,)`.
        predicted: predicted classes, `(n,)`.
        classes: number of classes.
    """
    present = np.unique(y)
    true = _one_hot(y, classes)[:, present]
    positive = _one_hot(predicted, classes)[:, present]

    def statistic(weights: np.ndarray) -> np.ndarray:
        hits = weights @ (true * positive)
        total = weights @ true + weights @ positive
        return np.nan_to_num(_ratio(2 * hits, total)).mean(axis=1, keepdims=True)

    return statistic


def calibration_error(bins: np.ndarray, gap: np.ndarray, count: int) -> Statistic:
    """Expected calibration error.

    Args:
        bins: confidence bin of each example, `(n,)`.
        gap: confidence minus 1 for a correct prediction, or minus 0, `(n,)`.
        count: number of bins.
    """
    table = _one_hot(bins, count) * gap[:, None]

    def statistic(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        return (np.abs(weights @ table).sum(axis=1) / total)[:, None]

    return statistic


def r2(residual: np.ndarray, y: np.ndarray) -> Statistic:
    """Coefficient of determination; NaN where the targets of a resample are equal.

    Args:
        residual: target minus prediction, `(n,)`.
        y: targets, `(n,)`.
    """
    means = mean(residual**2, y, np.square(y, dtype=np.float64))

    def statistic(weights: np.ndarray) -> np.ndarray:
        squared_error, target, squared_target = means(weights).T
        variance = squared_target - target**2
        return (1 - _ratio(squared_error, variance))[:, None]

    return statistic


def roc_auc(error: np.ndarray, y: np.ndarray) -> Statistic:
    """Area under the ROC curve of an anomaly score.

    Args:
        error: anomaly score of each example, `(n,)`; higher is more anomalous.
        y: 1 for an anomaly, else 0, `(n,)`.
    """
    ranking = _Ranking(y == 1, error)
    return lambda weights: ranking.area(weights)[:, None]


def macro_roc_auc(y: np.ndarray, scores: np.ndarray) -> Statistic:
    """Macro area under the ROC curve, each class against the rest; ties count half.

    Args:
        y: true classes, `(n,)`.
        scores: one score per class, `(n, classes)`.
    """
    rankings = [_Ranking(y == label, scores[:, label]) for label in np.unique(y)]

    def statistic(weights: np.ndarray) -> np.ndarray:
        areas = np.stack([ranking.area(weights) for ranking in rankings], axis=1)
        return np.nanmean(areas, axis=1, keepdims=True)

    return statistic


class _Ranking:
    """Examples sorted by their scores, with equal scores in one group."""

    def __init__(self, positive: np.ndarray, scores: np.ndarray):
        self.order = np.argsort(scores, kind="stable")
        ordered = scores[self.order]
        self.starts = np.flatnonzero(np.r_[True, ordered[1:] != ordered[:-1]])
        self.positive = positive[self.order]

    def area(self, weights: np.ndarray) -> np.ndarray:
        """Area under the ROC curve per row of weights, `(rows,)` (Mann-Whitney U)."""
        ordered = weights[:, self.order]
        positives = np.add.reduceat(ordered * self.positive, self.starts, axis=1)
        negatives = np.add.reduceat(ordered * ~self.positive, self.starts, axis=1)
        u = positives * (np.cumsum(negatives, axis=1) - negatives / 2)
        return _ratio(u.sum(axis=1), positives.sum(axis=1) * negatives.sum(axis=1))


def _tails() -> list[float]:
    tail = (1 - CONFIDENCE) / 2
    return [tail, 1 - tail]


def _unique(strata: np.ndarray | None) -> list[int]:
    return [] if strata is None else np.unique(strata).tolist()


def _weights(
    rng: np.random.Generator, count: int, strata: list[np.ndarray]
) -> np.ndarray:
    """How often each example is drawn, `(count,)`, within each stratum."""
    if strata:
        parts = [rows[rng.integers(len(rows), size=len(rows))] for rows in strata]
        positions = np.concatenate(parts)
    else:
        positions = rng.integers(count, size=count)
    return np.bincount(positions, minlength=count).astype(np.float64)


def _one_hot(numbers: np.ndarray, count: int) -> np.ndarray:
    return np.eye(count)[numbers]


def _ratio(numerator: np.ndarray, denominator: np.ndarray) -> np.ndarray:
    """The quotient; NaN where the denominator is not positive."""
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(denominator > 0, numerator / denominator, np.nan)
