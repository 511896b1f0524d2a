"""Boundary F1: do outlines of predicted objects lie on true outlines?

In: true and predicted masks. Out: per image, counts of boundary pixels. Csurka et al.,
What is a Good Evaluation Measure for Semantic Segmentation?, 2013, with all classes
together: a boundary pixel has a neighbor (right or below) of another class, and matches
within a distance of 0.75 % of the diagonal, rounded up.
"""

from __future__ import annotations

import math

import numpy as np
from scipy import ndimage

from pipeline.metrics.bootstrap import Statistic
from pipeline.tasks.targets import IGNORED

TOLERANCE = 0.0075  # of the diagonal; the paper's


def tolerance(height: int, width: int) -> int:
    """Return the distance within which a boundary pixel matches, in pixels."""
    return math.ceil(TOLERANCE * math.hypot(height, width))


def boundary_counts(y: np.ndarray, predicted: np.ndarray) -> np.ndarray:
    """Count boundary pixels and matches.

    Args:
        y: true masks, `(n, height, width)`; ignored pixels have no boundary.
        predicted: predicted masks, `(n, height, width)`.

    Returns:
        float64 `(n, 4)`: matched predicted, predicted, matched true and true boundary
        pixels.
    """
    reach = tolerance(*y.shape[1:])
    steps = np.arange(-reach, reach + 1)
    disk = (steps[:, None] ** 2 + steps**2 <= reach**2)[None]
    labeled = y != IGNORED
    true, guess = _boundary(y) & labeled, _boundary(predicted) & labeled
    near_true, near_guess = (ndimage.binary_dilation(b, disk) for b in (true, guess))
    counted = (guess & near_true, guess, true & near_guess, true)
    return np.stack([mask.sum(axis=(1, 2)) for mask in counted], axis=1).astype(float)


def f1(counts: np.ndarray) -> Statistic:
    """F1 of the boundaries of a resample; 1 where neither mask has a boundary.

    Args:
        counts: see `boundary_counts`.
    """

    def statistic(weights: np.ndarray) -> np.ndarray:
        hits, guess, matched, true = (weights @ counts).T
        precision = np.divide(hits, guess, out=np.ones_like(hits), where=guess > 0)
        recall = np.divide(matched, true, out=np.ones_like(hits), where=true > 0)
        total = precision + recall
        value = np.divide(
            2 * precision * recall, total, out=np.zeros_like(total), where=total > 0
        )
        return value[:, None]

    return statistic


def _boundary(masks: np.ndarray) -> np.ndarray:
    edges = np.zeros(masks.shape, bool)
    edges[:, :-1] |= masks[:, :-1] != masks[:, 1:]
    edges[:, :, :-1] |= masks[:, :, :-1] != masks[:, :, 1:]
    return edges
