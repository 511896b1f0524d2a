"""Paired bootstrap: confidence intervals of metrics and of their differences.

The same examples are drawn with replacement for both models, so examples that are
hard for both do not widen the interval of the difference (Efron and Tibshirani, An
Introduction to the Bootstrap, 1993). A resample is a row of weights: how often each
example was drawn. A `Measure` computes a metric of many resamples at once:

    measure = mean_of(right)            # accuracy
    measure(weights)                    # (resamples, examples) -> (resamples, 1)

compress computes the interval of a drop on the validation split, evaluate the interval
of every metric on the test split.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np

from pipeline.scores import ANOMALIES, CLASSES, NUMBERS

CONFIDENCE = 0.95
CHUNK = 2_000_000  # maximum number of weights in memory
RESAMPLES = 2000  # of a drop, by default
COUNTED = 10_000  # resamples of a drop in accuracy, which are cheap
Interval = tuple[float, float]
Measure = Callable[[np.ndarray], np.ndarray]


def draws(
    count: int, resamples: int, seed: int, kinds: np.ndarray | None = None
) -> Iterator[np.ndarray]:
    """Draw resamples, in chunks that fit in memory.

    Args:
        count: number of examples.
        resamples: number of resamples.
        seed: equal seeds draw equal examples.
        kinds: stratum of each example, `(count,)`; every resample keeps the number of
            examples per stratum. Default None: one stratum.

    Yields:
        Weights `(rows, count)` float64, `resamples` rows in total.
    """
    draw = np.random.default_rng(seed)
    size = max(1, CHUNK // count)
    alike = [np.flatnonzero(kinds == kind) for kind in _unique(kinds)]
    for begin in range(0, resamples, size):
        rows = min(size, resamples - begin)
        yield np.stack([_weights(draw, count, alike) for _ in range(rows)])


def intervals(measure: Measure, weights: Iterator[np.ndarray]) -> list[Interval | None]:
    """Compute the percentile interval of each column of a measure.

    Args:
        measure: weights `(rows, count)` -> values `(rows, columns)`.
        weights: chunks of weights, as `draws` yields them.

    Returns:
        Low and high end at 95 % confidence per column; None for a column that is
        undefined (NaN) in some resample, such as the recall of an absent class.
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
    """Compute the interval of the difference between the scores of two models.

    Args:
        task: kind of the task.
        before: evidence per example of the first model, `(n,)`, as
            `pipeline.data.measure` computes it.
        after: evidence of the second model, `(n,)`.
        y: stored labels of the same examples, `(n,)`.
        seed: equal seeds draw equal examples.
        resamples: number of resamples; default 2000. Accuracy always uses 10,000.

    Returns:
        Low and high end of score before - score after, rounded to 6 digits. None
        without evidence of both models, or where some resample has no score.
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
    """Compute the interval of the score of one model.

    Args:
        task: kind of the task.
        evidence: evidence per example, `(n,)`.
        y: stored labels of the same examples, `(n,)`.
        resamples: number of resamples.
        seed: equal seeds draw equal examples.

    Returns:
        Low and high end, or None where some resample has no score.
    """
    measure = SCORED[task](evidence, y)
    weights = draws(len(y), resamples, seed, _kinds(task, y))
    (found,) = intervals(measure, weights)
    return found and list(found)


def _counted(lost: np.ndarray, seed: int) -> Interval:
    """Interval of a mean of 1, 0 and -1: a resample is one multinomial draw."""
    count = len(lost)
    parts = [np.mean(lost == value) for value in (1, -1, 0)]
    drawn = np.random.default_rng(seed).multinomial(count, parts, COUNTED)
    means = (drawn[:, 0] - drawn[:, 1]) / count
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return low, high


def mean_of(*columns: np.ndarray) -> Measure:
    """Mean of each column.

    Args:
        *columns: values per example, each `(n,)`.
    """
    table = np.stack(columns, axis=1).astype(np.float64)
    return lambda weights: (weights @ table) / weights.sum(axis=1, keepdims=True)


def recall_of(y: np.ndarray, predicted: np.ndarray, classes: int) -> Measure:
    """Recall of each class; NaN where a resample has no example of the class.

    Args:
        y: true classes, `(n,)`.
        predicted: predicted classes, `(n,)`.
        classes: number of classes.
    """
    true = _one_hot(y, classes)
    found = true * (y == predicted)[:, None]
    return lambda weights: _part(weights @ found, weights @ true)


def f1_of(y: np.ndarray, predicted: np.ndarray, classes: int) -> Measure:
    """Macro F1 over the classes that occur in `y`.

    Args:
        y: true classes, `(n,)`.
        predicted: predicted classes, `(n,)`.
        classes: number of classes.
    """
    present = np.unique(y)
    true, said = (_one_hot(each, classes)[:, present] for each in (y, predicted))

    def measure(weights: np.ndarray) -> np.ndarray:
        both, total = weights @ (true * said), weights @ true + weights @ said
        return np.nan_to_num(_part(2 * both, total)).mean(axis=1, keepdims=True)

    return measure


def error_of(bins: np.ndarray, gap: np.ndarray, count: int) -> Measure:
    """Expected calibration error.

    Args:
        bins: bin of confidence of each example, `(n,)`.
        gap: confidence minus 1 for a correct prediction or 0, `(n,)`.
        count: number of bins.
    """
    table = _one_hot(bins, count) * gap[:, None]

    def measure(weights: np.ndarray) -> np.ndarray:
        total = weights.sum(axis=1)
        return (np.abs(weights @ table).sum(axis=1) / total)[:, None]

    return measure


def determination_of(residual: np.ndarray, y: np.ndarray) -> Measure:
    """Coefficient of determination R2; NaN where the targets of a resample are equal.

    Args:
        residual: target minus prediction, `(n,)`.
        y: targets, `(n,)`.
    """
    means = mean_of(residual**2, y, np.square(y, dtype=np.float64))

    def measure(weights: np.ndarray) -> np.ndarray:
        left, mean, square = means(weights).T
        return (1 - _part(left, square - mean**2))[:, None]

    return measure


def area_of(error: np.ndarray, y: np.ndarray) -> Measure:
    """Area under the ROC curve of an anomaly score.

    Args:
        error: anomaly score of each example, `(n,)`; higher is more anomalous.
        y: 1 for an anomaly, else 0, `(n,)`.
    """
    ranked = _Ranked(y == 1, error)
    return lambda weights: ranked.area(weights)[:, None]


def auc_of(y: np.ndarray, scores: np.ndarray) -> Measure:
    """Macro area under the ROC curve, each class against the rest; ties count half.

    Args:
        y: true classes, `(n,)`.
        scores: one score per class, `(n, classes)`.
    """
    every = [_Ranked(y == c, scores[:, c]) for c in np.unique(y)]

    def measure(weights: np.ndarray) -> np.ndarray:
        areas = np.stack([one.area(weights) for one in every], axis=1)
        return np.nanmean(areas, axis=1, keepdims=True)

    return measure


class _Ranked:
    """Examples sorted by their scores, with equal scores in one group."""

    def __init__(self, positive: np.ndarray, scores: np.ndarray):
        self.order = np.argsort(scores, kind="stable")
        ranked = scores[self.order]
        self.starts = np.flatnonzero(np.r_[True, ranked[1:] != ranked[:-1]])
        self.positive = positive[self.order]

    def area(self, weights: np.ndarray) -> np.ndarray:
        """Area under the ROC curve per row of weights, `(rows,)` (Mann-Whitney U)."""
        ranked = weights[:, self.order]
        ours = np.add.reduceat(ranked * self.positive, self.starts, axis=1)
        rest = np.add.reduceat(ranked * ~self.positive, self.starts, axis=1)
        won = ours * (np.cumsum(rest, axis=1) - rest / 2)
        return _part(won.sum(axis=1), ours.sum(axis=1) * rest.sum(axis=1))


def _kinds(task: str, y: np.ndarray) -> np.ndarray | None:
    """Strata: a resample without an anomaly would have no area under the curve."""
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


# Task -> function of `(evidence, y)` that returns the measure of its score.
SCORED: dict[str, Callable[[np.ndarray, np.ndarray], Measure]] = {
    CLASSES: lambda right, y: mean_of(right),
    NUMBERS: determination_of,
    ANOMALIES: area_of,
}
