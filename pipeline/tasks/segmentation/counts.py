"""Pixel counts of masks: the evidence of every segmentation metric.

In: true and predicted class numbers, `(n, height, width)`. Out: per image and class the
number of pixels in both masks, in the true one and in the predicted one, `(n, 3,
classes)`. Sums over images give IoU and Dice, so a bootstrap resamples images.

A true pixel of `IGNORED` counts nowhere. A class without a true pixel is absent: it has
no IoU (NaN), and means leave it out; pixels falsely predicted as it count against the
classes that they belong to. Everingham et al., The Pascal Visual Object Classes
Challenge: A Retrospective, 2015.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.metrics.bootstrap import Statistic

Ratio = Callable[[np.ndarray], np.ndarray]


def pixel_counts(y: np.ndarray, predicted: np.ndarray, classes: int) -> np.ndarray:
    """Count pixels per image and class.

    Args:
        y: true class numbers, `(n, height, width)`; `IGNORED` is left out.
        predicted: predicted class numbers, `(n, height, width)`.
        classes: number of classes.

    Returns:
        float64 `(n, 3, classes)`: in both, in `y`, in `predicted`.
    """
    counts = np.empty((len(y), 3, classes))
    for row, true, guess in zip(counts, y, predicted):
        labeled = true < classes
        true, guess = true[labeled], guess[labeled]
        for number, numbers in enumerate((true[true == guess], true, guess)):
            row[number] = np.bincount(numbers, minlength=classes)[:classes]
    return counts


def iou(counts: np.ndarray) -> np.ndarray:
    """Compute intersection over union, `(..., 3, classes)` -> `(..., classes)`.

    Args:
        counts: sums over images; NaN for a class without true pixels.
    """
    both, true, predicted = np.moveaxis(counts, -2, 0)
    return _ratio(both, true + predicted - both, true)


def dice(counts: np.ndarray) -> np.ndarray:
    """Compute the Dice coefficient, `(..., 3, classes)` -> `(..., classes)`.

    Args:
        counts: sums over images; NaN for a class without true pixels.
    """
    both, true, predicted = np.moveaxis(counts, -2, 0)
    return _ratio(2 * both, true + predicted, true)


def over_images(
    counts: np.ndarray, ratio: Ratio, reduce: Callable[..., np.ndarray]
) -> Statistic:
    """Reduce the ratios of all classes of a resample of images to one number.

    Args:
        counts: per image, `(n, 3, classes)`.
        ratio: `iou` or `dice`.
        reduce: of the classes that a resample has, such as `np.nanmean`.
    """
    flat = counts.reshape(len(counts), -1)

    def statistic(weights: np.ndarray) -> np.ndarray:
        sums = (weights @ flat).reshape(len(weights), *counts.shape[1:])
        return reduce(ratio(sums), axis=1, keepdims=True)

    return statistic


def _ratio(
    numerator: np.ndarray, denominator: np.ndarray, true: np.ndarray
) -> np.ndarray:
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(true > 0, numerator / denominator, np.nan)
