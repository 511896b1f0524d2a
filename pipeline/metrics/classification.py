"""What predicted classes are worth, and how sure that is. Pure functions.

In: class numbers `(n,)`, true (`y`) and predicted; logits `(n, classes)`. Out: plain
numbers. Intervals are at the level CONFIDENCE.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import f1_score, recall_score, roc_auc_score

from pipeline.metrics.bootstrap import (
    CONFIDENCE,
    Interval,
    draws,
    intervals,
    mean_of,
)

TOP = 5


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


def in_top(y: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Whether the true class is among the TOP largest logits, `(n,)` bool."""
    own = logits[np.arange(len(y)), y][:, None]
    earlier = (logits == own) & (np.arange(logits.shape[1]) < y[:, None])
    return ((logits > own) | earlier).sum(axis=1) < TOP


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


def auc(y: np.ndarray, scores: np.ndarray) -> float | None:
    """Mean area under the ROC curve, each class that `y` has against the rest.

    None where `y` has one class only.
    """
    present = np.unique(y)
    if len(present) < 2:
        return None
    areas = [roc_auc_score(y == number, scores[:, number]) for number in present]
    return float(np.mean(areas))


def confusion(y: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Counts `(true, predicted)`, int64."""
    counts = np.bincount(y * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes)


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Fraction of examples on which two models say the same, right or wrong."""
    return float(np.mean(first == second))


def divergence(before: np.ndarray, after: np.ndarray) -> float:
    """Mean KL(before || after) of log probabilities `(n, classes)`, in nats."""
    return float((np.exp(before) * (before - after)).sum(axis=1).mean())


def flips(y: np.ndarray, before: np.ndarray, after: np.ndarray) -> tuple[int, int]:
    """How many examples went from right to wrong, and from wrong to right."""
    lost = (before == y) & (after != y)
    won = (before != y) & (after == y)
    return int(lost.sum()), int(won.sum())


def mcnemar(worse: int, better: int) -> float:
    """Exact p of McNemar's test (1947): flips as uneven as these, were both alike."""
    flipped = worse + better
    return float(binomtest(worse, flipped).pvalue) if flipped else 1.0


def lost(y: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """What each example adds to the drop in accuracy: 1, 0 or -1, `(n,)`."""
    return (before == y).astype(np.int64) - (after == y)


def bootstrap_interval(paired: np.ndarray, resamples: int, seed: int) -> Interval:
    """Percentile bootstrap interval of the mean of paired differences.

    Args:
        paired: one difference between two models per example, `(n,)`.
        resamples: how often the examples are drawn again.
        seed: equal seeds draw equal examples, whatever the differences.
    """
    (ends,) = intervals(mean_of(paired), draws(len(paired), resamples, seed))
    assert ends is not None  # a mean is defined in every resample
    return ends
