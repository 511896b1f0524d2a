"""What predicted classes are worth, and how sure that is. Pure functions.

In: class numbers `(n,)`, true (`y`) and predicted. Out: plain numbers.
Intervals are at the level CONFIDENCE.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import f1_score, recall_score

CONFIDENCE = 0.95
Interval = tuple[float, float]


def accuracy(y: np.ndarray, predicted: np.ndarray) -> float:
    """Fraction of examples that are right."""
    return float(np.mean(y == predicted))


def accuracy_interval(y: np.ndarray, predicted: np.ndarray) -> Interval:
    """Wilson's score interval of the accuracy.

    It stays within 0 .. 1 and has a width even when every example is right
    (E. B. Wilson, Probable Inference, the Law of Succession, and Statistical
    Inference, 1927).
    """
    right = int(np.sum(y == predicted))
    interval = binomtest(right, len(y)).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def macro_f1(y: np.ndarray, predicted: np.ndarray) -> float:
    """Mean of the F1 scores of the classes that `y` has."""
    present = np.unique(y)
    return float(
        f1_score(y, predicted, labels=present, average="macro", zero_division=0.0)
    )


def recall(y: np.ndarray, predicted: np.ndarray, classes: int) -> list[float | None]:
    """Fraction of each class that is found; None for a class that `y` lacks."""
    every = range(classes)
    found = recall_score(y, predicted, labels=every, average=None, zero_division=np.nan)
    return [None if np.isnan(value) else float(value) for value in found]


def confusion(y: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts `(true, predicted)`, int64."""
    counts = np.bincount(y * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes)


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Fraction of examples on which two models say the same, right or wrong."""
    return float(np.mean(first == second))


def flips(y: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[int, int]:
    """How many examples went from right to wrong, and from wrong to right."""
    lost = (before == y) & (after != y)
    won = (before != y) & (after == y)
    return int(lost.sum()), int(won.sum())


def lost(y: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """What each example adds to the drop in accuracy: 1, 0 or -1, `(n,)`."""
    return (before == y).astype(np.int64) - (after == y)


def bootstrap_interval(paired: np.ndarray, resamples: int, seed: int) -> Interval:
    """Percentile bootstrap interval of the mean of paired differences.

    Whole examples are resampled, so what both models find hard is no part of
    the spread (Efron and Tibshirani, An Introduction to the Bootstrap, 1993).

    Args:
        paired: one difference between two models per example, `(n,)`.
        resamples: how often the examples are drawn again.
        seed: equal seeds draw equal examples, whatever the differences.
    """
    draw = np.random.default_rng(seed)
    count = len(paired)
    means = [paired[draw.integers(count, size=count)].mean() for _ in range(resamples)]
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return float(low), float(high)
