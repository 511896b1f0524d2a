"""Metrics of predicted classes and their confidence intervals. Pure functions.

In: class numbers `(n,)`, true (`y`) and predicted; logits `(n, classes)`. Out: plain
numbers. Intervals are at 95 % confidence.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import binomtest
from sklearn.metrics import f1_score, recall_score, roc_auc_score

from pipeline.metrics import bootstrap
from pipeline.metrics.bootstrap import CONFIDENCE, Interval

TOP_K = 5


def accuracy(y: np.ndarray, predicted: np.ndarray) -> float:
    """Compute the fraction of correct predictions."""
    return float(np.mean(y == predicted))


def accuracy_interval(y: np.ndarray, predicted: np.ndarray) -> Interval:
    """Compute Wilson's score interval of the accuracy.

    It stays within 0 .. 1 and has a positive width even when every prediction is
    correct (E. B. Wilson, Probable Inference, the Law of Succession, and Statistical
    Inference, 1927).
    """
    correct = int(np.sum(y == predicted))
    interval = binomtest(correct, len(y)).proportion_ci(CONFIDENCE, method="wilson")
    return float(interval.low), float(interval.high)


def in_top_k(y: np.ndarray, logits: np.ndarray) -> np.ndarray:
    """Find out whether the true class is among the 5 largest logits, `(n,)` bool.

    Of equal logits, the lower class number counts as the larger one.
    """
    true = logits[np.arange(len(y)), y][:, None]
    tied_before = (logits == true) & (np.arange(logits.shape[1]) < y[:, None])
    return ((logits > true) | tied_before).sum(axis=1) < TOP_K


def macro_f1(y: np.ndarray, predicted: np.ndarray) -> float:
    """Compute the mean of the F1 scores of the classes that occur in `y`."""
    present = np.unique(y)
    return float(
        f1_score(y, predicted, labels=present, average="macro", zero_division=0.0)
    )


def recall(y: np.ndarray, predicted: np.ndarray, classes: int) -> list[float | None]:
    """Compute the recall of each class; None for a class that is not in `y`."""
    labels = range(classes)
    values = recall_score(
        y, predicted, labels=labels, average=None, zero_division=np.nan
    )
    return [None if np.isnan(value) else float(value) for value in values]


def macro_roc_auc(y: np.ndarray, scores: np.ndarray) -> float | None:
    """Compute the macro area under the ROC curve, each class in `y` against the rest.

    Args:
        y: true classes, `(n,)`.
        scores: one score per class, `(n, classes)`.

    Returns:
        The mean of the areas; None where `y` has a single class.
    """
    present = np.unique(y)
    if len(present) < 2:
        return None
    areas = [roc_auc_score(y == number, scores[:, number]) for number in present]
    return float(np.mean(areas))


def confusion_matrix(y: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count pairs of true and predicted class, int64 `(true, predicted)`."""
    counts = np.bincount(y * classes + predicted, minlength=classes * classes)
    return counts.reshape(classes, classes)


def agreement(first: np.ndarray, second: np.ndarray) -> float:
    """Compute the fraction of examples to which two models assign the same class."""
    return float(np.mean(first == second))


def kl_divergence(before: np.ndarray, after: np.ndarray) -> float:
    """Compute the mean KL(before || after) of two models, in nats.

    Args:
        before: log probabilities of the reference, `(n, classes)`.
        after: log probabilities of the other model, `(n, classes)`.
    """
    return float((np.exp(before) * (before - after)).sum(axis=1).mean())


def count_flips(
    y: np.ndarray, before: np.ndarray, after: np.ndarray
) -> tuple[int, int]:
    """Count the examples that became wrong, and those that became correct."""
    worse = (before == y) & (after != y)
    better = (before != y) & (after == y)
    return int(worse.sum()), int(better.sum())


def mcnemar(worse: int, better: int) -> float:
    """Compute the exact p value of McNemar's test (1947).

    Args:
        worse: number of examples that became wrong.
        better: number of examples that became correct.

    Returns:
        Probability of flips at least as uneven if both models were equally accurate.
    """
    flipped = worse + better
    return float(binomtest(worse, flipped).pvalue) if flipped else 1.0


def accuracy_losses(y: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Return the contribution of each example to the drop: 1, 0 or -1, `(n,)`."""
    return (before == y).astype(np.int64) - (after == y)


def paired_interval(differences: np.ndarray, resamples: int, seed: int) -> Interval:
    """Compute the percentile bootstrap interval of the mean of paired differences.

    Args:
        differences: difference between two models per example, `(n,)`.
        resamples: number of resamples.
        seed: equal seeds draw equal examples, whatever the differences.
    """
    weights = bootstrap.bootstrap_weights(len(differences), resamples, seed)
    (interval,) = bootstrap.percentile_intervals(bootstrap.mean(differences), weights)
    assert interval is not None  # a mean is defined in every resample
    return interval
