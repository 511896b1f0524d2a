"""Paired bootstrap: how sure a difference between two models is.

Whole examples are drawn again, for both models alike, so what both find hard is no
part of the spread (Efron and Tibshirani, An Introduction to the Bootstrap, 1993). A
resample is a row of weights, how often each example was drawn; a `Measure` is a
metric of many resamples at once:

    measure = mean_of(right)            # accuracy
    measure(weights)                    # (resamples, 1)
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

CONFIDENCE = 0.95
CHUNK = 2_000_000  # weights in memory at once
Interval = tuple[float, float]
Measure = Callable[[np.ndarray], np.ndarray]


def draws(count: int, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """Weights `(some, count)` float64, `resamples` rows in all, as the seed says."""
    draw = np.random.default_rng(seed)
    size = max(1, CHUNK // count)
    for begin in range(0, resamples, size):
        rows = min(size, resamples - begin)
        yield np.stack([_weights(draw, count) for _ in range(rows)])


def intervals(measure: Measure, weights: Iterator[np.ndarray]) -> list[Interval | None]:
    """The percentile interval of each column of a measure.

    None where a resample leaves it undefined, as for a class that is in none.
    """
    values = np.concatenate([measure(chunk) for chunk in weights])
    tail = (1 - CONFIDENCE) / 2
    bounds = np.quantile(values, [tail, 1 - tail], axis=0).T
    return [None if np.isnan(pair).any() else tuple(pair.tolist()) for pair in bounds]


def mean_of(*columns: np.ndarray) -> Measure:
    """The mean of each column, `(n,)`."""
    table = np.stack(columns, axis=1).astype(np.float64)
    return lambda weights: (weights @ table) / weights.sum(axis=1, keepdims=True)


def recall_of(y: np.ndarray, predicted: np.ndarray, classes: int) -> Measure:
    """Part of each class that is found; NaN where a resample has none of it."""
    true = _one_hot(y, classes)
    found = true * (y == predicted)[:, None]
    return lambda weights: _part(weights @ found, weights @ true)


def f1_of(y: np.ndarray, predicted: np.ndarray, classes: int) -> Measure:
    """Mean F1 of the classes that `y` has."""
    present = np.unique(y)
    true, said = (_one_hot(each, classes)[:, present] for each in (y, predicted))

    def measure(weights: np.ndarray) -> np.ndarray:
        both, total = weights @ (true * said), weights @ true + weights @ said
        return np.nan_to_num(_part(2 * both, total)).mean(axis=1, keepdims=True)

    return measure


def error_of(bins: np.ndarray, gap: np.ndarray, count: int) -> Measure:
    """Expected calibration error, from the bin and `confidence - right` of each."""
    table = _one_hot(bins, count) * gap[:, None]

    def measure(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        return (np.abs(weights @ table).sum(axis=1) / total)[:, None]

    return measure


def auc_of(y: np.ndarray, scores: np.ndarray) -> Measure:
    """Mean area under the ROC curve of each class against the rest; ties half.

    Args:
        scores: `(n, classes)`.
    """
    every = [_Ranked(y == c, scores[:, c]) for c in np.unique(y)]

    def measure(weights: np.ndarray) -> np.ndarray:
        areas = np.stack([one.area(weights) for one in every], axis=1)
        return np.nanmean(areas, axis=1, keepdims=True)

    return measure


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


def _weights(draw: np.random.Generator, count: int) -> np.ndarray:
    drawn = draw.integers(count, size=count)
    return np.bincount(drawn, minlength=count).astype(np.float64)


def _one_hot(numbers: np.ndarray, count: int) -> np.ndarray:
    return np.eye(count)[numbers]


def _part(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(whole > 0, part / whole, np.nan)
