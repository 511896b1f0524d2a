"""Rank of the true item among all candidates: the evidence of every metric.

In: scores of all items, `(n, items)`, and targets, int32 `(n, 1 + others)`: the true
item, then items that are left out, filled with -1. Out: ranks from 1, `(n,)`; where
other candidates have an equal score, the mean of the ranks that they share. Scores are
never compared with those of a sample of items, which changes the order of models
(Krichene, Rendle, On Sampled Metrics for Item Recommendation, 2020).
"""

from __future__ import annotations

import numpy as np

TOP = 10
Array = np.ndarray


def ranks(scores: Array, y: Array) -> Array:
    """Return the rank of each true item, float64 `(n,)`; NaN scores rank last.

    Args:
        scores: outputs of a model, `(n, items)`.
        y: targets as stored, `(n, 1 + others)`.
    """
    y = y.astype(np.int64)
    true = np.take_along_axis(scores, y[:, :1], axis=1)
    above, equal = ~(scores <= true), scores == true
    left_out = y[:, 1:] >= 0
    others = np.take_along_axis(scores, np.maximum(y[:, 1:], 0), axis=1)
    higher = above.sum(1) - (~(others <= true) & left_out).sum(1) - np.isnan(true[:, 0])
    ties = np.maximum(equal.sum(1) - 1 - ((others == true) & left_out).sum(1), 0)
    return 1.0 + higher + ties / 2


def ndcg(rank: Array) -> Array:
    """Return the discounted gain of one true item, 0 .. 1, `(n,)`.

    Järvelin, Kekäläinen, Cumulated Gain-Based Evaluation of IR Techniques, 2002.

    Args:
        rank: from 1, `(n,)`.
    """
    return np.where(rank <= TOP, 1 / np.log2(1 + np.asarray(rank)), 0.0)


def recall(rank: Array) -> Array:
    """Return 1 where the true item is among the first 10, else 0, `(n,)`.

    Args:
        rank: from 1, `(n,)`.
    """
    return (rank <= TOP).astype(np.float64)


def reciprocal(rank: Array) -> Array:
    """Return 1 / rank, whose mean is the mean reciprocal rank, `(n,)`.

    Args:
        rank: from 1, `(n,)`.
    """
    return 1 / np.asarray(rank)


def without(scores: Array, y: Array) -> Array:
    """Return scores in which the items that are left out are -inf, `(n, items)`.

    Args:
        scores: outputs of a model, `(n, items)`.
        y: targets as stored, `(n, 1 + others)`.
    """
    left, (row, column) = scores.copy(), np.nonzero(y[:, 1:] >= 0)
    left[row, y[row, 1 + column]] = -np.inf
    return left


def top(scores: Array, count: int = TOP) -> Array:
    """Return the items with the highest scores, the highest first, `(n, count)`.

    Args:
        scores: `(n, items)`; of equal ones, the lower item comes first.
        count: default 10; fewer where there are fewer items.
    """
    return np.argsort(-scores, axis=1, kind="stable")[:, :count]
