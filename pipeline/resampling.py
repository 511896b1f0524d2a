"""Paired bootstrap: how sure a difference between two models is.

Whole examples are drawn again, for both models alike, so what both find hard is no
part of the spread (Efron and Tibshirani, An Introduction to the Bootstrap, 1993). A
resample is a row of weights, how often each example was drawn; a `Measure` is a
metric of many resamples at once:

    measure = mean_of(right)            # accuracy
    measure(weights)                    # (resamples, 1)

compress asks for the interval of a drop on validation, evaluate for that of every
metric on the test split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from pipeline.scores import ANOMALIES, CLASSES, NUMBERS

CONFIDENCE = 0.95
CHUNK = 2_000_000  # weights in memory at once
RESAMPLES = 2000  # of a drop
COUNTED = 10_000  # of a drop in accuracy, where a resample costs next to nothing
Interval = tuple[float, float]
Measure = Callable[[np.ndarray], np.ndarray]


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


def intervals(measure: Measure, weights: Iterator[np.ndarray]) -> list[Interval | None]:
    """The percentile interval of each column of a measure.

    None where a resample leaves it undefined, as for a class that is in none.
    """
    values = np.concatenate([measure(chunk) for chunk in weights])
    tail = (1 - CONFIDENCE) / 2
    bounds = np.quantile(values, [tail, 1 - tail], axis=0).T
    return [None if np.isnan(pair).any() else tuple(pair.tolist()) for pair in bounds]


def drop_interval(
    task: str,
    before: np.ndarray | None,
    after: np.ndarray | None,
    y: np.ndarray,
    seed: int,
    resamples: int = RESAMPLES,
) -> list[float] | None:
    """The interval of what one model's score is above another's.

    Args:
        before, after: `pipeline.data.measure`'s evidence of both models, `(n,)`.
        y: the labels of the same examples, as they are stored.
        seed: equal seeds draw equal examples.

    Returns:
        Low and high end, or None where one of the models has no evidence, or where
        the score is undefined in some resample.
    """
    if before is None or after is None:
        return None
    if task == CLASSES:
        found = _counted(before.astype(int) - after.astype(int), seed)
    else:
        old, new = (SCORED[task](each, y) for each in (before, after))
        weights = draws(len(y), resamples, seed, _kinds(task, y))
        (found,) = intervals(lambda chunk: old(chunk) - new(chunk), weights)
    return found and [round(float(end), 6) for end in found]


def score_interval(
    task: str, evidence: np.ndarray, y: np.ndarray, resamples: int, seed: int
) -> list[float] | None:
    """The interval of one model's score."""
    measure = SCORED[task](evidence, y)
    weights = draws(len(y), resamples, seed, _kinds(task, y))
    (found,) = intervals(measure, weights)
    return found and list(found)


def _counted(lost: np.ndarray, seed: int) -> Interval:
    """Of the mean of 1, 0 and -1: a resample is a draw from a multinomial of three."""
    count = len(lost)
    parts = [np.mean(lost == value) for value in (1, -1, 0)]
    drawn = np.random.default_rng(seed).multinomial(count, parts, COUNTED)
    means = (drawn[:, 0] - drawn[:, 1]) / count
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return low, high


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


def determination_of(residual: np.ndarray, y: np.ndarray) -> Measure:
    """R2 of numbers, from what is left of each; NaN where a resample has one number."""
    means = mean_of(residual**2, y, np.square(y, dtype=np.float64))

    def measure(weights: np.ndarray) -> np.ndarray:
        left, mean, square = means(weights).T
        return (1 - _part(left, square - mean**2))[:, None]

    return measure


def area_of(error: np.ndarray, y: np.ndarray) -> Measure:
    """Area under the ROC curve of errors, by which anomalies (1) are to be found."""
    ranked = _Ranked(y == 1, error)
    return lambda weights: ranked.area(weights)[:, None]


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


def _kinds(task: str, y: np.ndarray) -> np.ndarray | None:
    """Anomalies may be few, and without one there is no area under a curve."""
    return y if task == ANOMALIES else None


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


# Task -> `(evidence, y)` -> its score of many resamples at once.
SCORED: dict[str, Callable[[np.ndarray, np.ndarray], Measure]] = {
    CLASSES: lambda right, y: mean_of(right),
    NUMBERS: determination_of,
    ANOMALIES: area_of,
}
