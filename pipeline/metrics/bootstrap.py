"""Paired bootstrap: how sure a difference between two models is.

Whole examples are drawn again, for both models alike, so what both find hard is no
part of the spread (Efron and Tibshirani, An Introduction to the Bootstrap, 1993). A
resample is a row of weights, how often each example was drawn; a `Statistic` computes a
metric of many resamples at once:

    accuracy = mean_of(correct)
    accuracy(weights)                   # (resamples, 1)

compress asks for the interval of a drop on validation, evaluate for that of every
metric on the test split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

CONFIDENCE = 0.95
CHUNK = 2_000_000  # weights in memory at once
RESAMPLES = 2000  # of a drop
COUNTED = 10_000  # of a drop in accuracy, where a resample costs next to nothing
Interval = tuple[float, float]
Statistic = Callable[[np.ndarray], np.ndarray]


def draws(
    count: int, resamples: int, seed: int, kinds: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Weights `(some, count)` float64, `resamples` rows in all, as the seed says.

    Args:
        kinds: of each example, `(count,)`; as many of each kind are drawn as there
            are, so that no resample is without one.
    """
    draw = np.random.default_rng(seed)
    size = max(1, CHUNK // count)
    alike = [np.flatnonzero(kinds == kind) for kind in _unique(kinds)]
    for begin in range(0, resamples, size):
        rows = min(size, resamples - begin)
        yield np.stack([_weights(draw, count, alike) for _ in range(rows)])


def intervals(statistic: Statistic, weights: Iterator[np.ndarray]) -> list[Interval | None]:
    """The percentile interval of each column of a statistic.

    None where a resample leaves it undefined, as for a class that is in none.
    """
    values = np.concatenate([statistic(chunk) for chunk in weights])
    tail = (1 - CONFIDENCE) / 2
    bounds = np.quantile(values, [tail, 1 - tail], axis=0).T
    return [None if np.isnan(pair).any() else tuple(pair.tolist()) for pair in bounds]


def counted_interval(lost: np.ndarray, seed: int) -> Interval:
    """The interval of the mean of differences that are 1, 0 or -1, `(n,)`.

    A resample of them is a draw from a multinomial distribution of three outcomes.
    """
    count = len(lost)
    fractions = [np.mean(lost == value) for value in (1, -1, 0)]
    drawn = np.random.default_rng(seed).multinomial(count, fractions, COUNTED)
    means = (drawn[:, 0] - drawn[:, 1]) / count
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return low, high


def repeated(
    value: Callable[[np.ndarray, np.ndarray], float], evidence: np.ndarray, y: np.ndarray
) -> Statistic:
    """A statistic that repeats examples as often as they were drawn.

    Slower than one that uses the weights themselves, and right for any metric.

    Args:
        value: `(evidence, y)` -> the metric.
        evidence: one row per example, `(n, ...)`.
        y: targets, `(n,)`.
    """

    def statistic(weights: np.ndarray) -> np.ndarray:
        rows = (np.repeat(np.arange(len(y)), row.astype(int)) for row in weights)
        return np.array([[value(evidence[at], y[at])] for at in rows])

    return statistic


def mean_of(*columns: np.ndarray) -> Statistic:
    """The mean of each column, `(n,)`."""
    table = np.stack(columns, axis=1).astype(np.float64)
    return lambda weights: (weights @ table) / weights.sum(axis=1, keepdims=True)


def recall_of(y: np.ndarray, predicted: np.ndarray, classes: int) -> Statistic:
    """Part of each class that is found; NaN where a resample has none of it."""
    true = _one_hot(y, classes)
    found = true * (y == predicted)[:, None]
    return lambda weights: _part(weights @ found, weights @ true)


def f1_of(y: np.ndarray, predicted: np.ndarray, classes: int) -> Statistic:
    """Mean F1 of the classes that `y` has."""
    present = np.unique(y)
    true, said = (_one_hot(each, classes)[:, present] for each in (y, predicted))

    def statistic(weights: np.ndarray) -> np.ndarray:
        both, total = weights @ (true * said), weights @ true + weights @ said
        return np.nan_to_num(_part(2 * both, total)).mean(axis=1, keepdims=True)

    return statistic


def error_of(bins: np.ndarray, gap: np.ndarray, count: int) -> Statistic:
    """Expected calibration error, from the bin and `confidence - right` of each."""
    table = _one_hot(bins, count) * gap[:, None]

    def statistic(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        return (np.abs(weights @ table).sum(axis=1) / total)[:, None]

    return statistic


def determination_of(residual: np.ndarray, y: np.ndarray) -> Statistic:
    """R2 of numbers, from what is left of each; NaN where a resample has one number."""
    means = mean_of(residual**2, y, np.square(y, dtype=np.float64))

    def statistic(weights: np.ndarray) -> np.ndarray:
        left, mean, square = means(weights).T
        return (1 - _part(left, square - mean**2))[:, None]

    return statistic


def area_of(error: np.ndarray, y: np.ndarray) -> Statistic:
    """Area under the ROC curve of errors, by which anomalies (1) are to be found."""
    ranked = _Ranked(y == 1, error)
    return lambda weights: ranked.area(weights)[:, None]


def auc_of(y: np.ndarray, scores: np.ndarray) -> Statistic:
    """Mean area under the ROC curve of each class against the rest; ties half.

    Args:
        scores: `(n, classes)`.
    """
    every = [_Ranked(y == c, scores[:, c]) for c in np.unique(y)]

    def statistic(weights: np.ndarray) -> np.ndarray:
        areas = np.stack([one.area(weights) for one in every], axis=1)
        return np.nanmean(areas, axis=1, keepdims=True)

    return statistic


class _Ranked:
    """Examples in the order of their scores, equal scores in one group."""

    def __init__(self, positive: np.ndarray, scores: np.ndarray):
        self.order = np.argsort(scores, kind="stable")
        ranked = scores[self.order]
        self.starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self.positive = positive[self.order]

    def area(self, weights: np.ndarray) -> np.ndarray:
        """The area for each row of weights, `(rows,)` (Mann and Whitney, 1947)."""
        ranked = weights[:, self.order]
        ours = np.add.reduceat(ranked * self.positive, self.starts, axis=1)
        rest = np.add.reduceat(ranked * ~self.positive, self.starts, axis=1)
        won = ours * (np.cumsum(rest, axis=1) - rest / 2)
        return _part(won.sum(axis=1), ours.sum(axis=1) * rest.sum(axis=1))


def _unique(kinds: np.ndarray | None) -> list[int]:
    return [] if kinds is None else np.unique(kinds).tolist()


def _weights(
    draw: np.random.Generator, count: int, alike: list[np.ndarray]
) -> np.ndarray:
    parts = [each[draw.integers(len(each), size=len(each))] for each in alike]
    drawn = np.concatenate(parts) if parts else draw.integers(count, size=count)
    return np.bincount(drawn, minlength=count).astype(np.float64)


def _one_hot(numbers: np.ndarray, count: int) -> np.ndarray:
    return np.eye(count)[numbers]


def _part(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
