"""F1 of centers: are objects found near their true centers?

In: found and true boxes. Out: per image and threshold of the score, counts of found
objects whose center lies within `RADIUS` (8 % of width and height) of the center of a
true object of their class, each true object matched once; F1; the best threshold.
"""

from __future__ import annotations

import numpy as np

from pipeline.metrics.bootstrap import Statistic, once
from pipeline.tasks.detection.matching import (
    center_similarity,
    counted,
    match_targets,
    used,
)

THRESHOLDS = np.linspace(0.05, 0.95, 19)  # of the score
NEAR = np.zeros(1)  # every similarity from 0 is near enough


def center_counts(
    found: np.ndarray, y: np.ndarray, thresholds: np.ndarray = THRESHOLDS
) -> np.ndarray:
    """Count matched, found and true centers.

    Args:
        found: see `decoding.decode`, `(n, found, 6)`.
        y: see `pipeline.tasks.boxes`, `(n, true, 5)`.
        thresholds: of the score, `(thresholds,)`.

    Returns:
        float64 `(n, thresholds, 3)`.
    """
    found = used(found)
    matches = match_targets(center_similarity(found, y), y, NEAR)
    hit, skipped = matches.hit[..., 0], matches.skipped[..., 0]
    scored = found[..., 1, None] >= np.float32(thresholds)
    scored &= (found[..., 0] >= 0)[..., None]
    hits = (scored & hit[..., None]).sum(axis=1)
    total = (scored & ~skipped[..., None]).sum(axis=1)
    true = np.broadcast_to(counted(y).sum(axis=1)[:, None], hits.shape)
    return np.stack([hits, total, true], axis=-1).astype(np.float64)


def f1_of(counts: np.ndarray) -> np.ndarray:
    """Compute F1 from sums of counts, `(..., 3)`; 1 where nothing is found and true."""
    hits, found, true = np.moveaxis(counts, -1, 0)
    total = found + true
    return np.divide(2 * hits, total, out=np.ones_like(total), where=total > 0)


def best_f1(found: np.ndarray, y: np.ndarray) -> Statistic:
    """Return F1 at the threshold that is best for each resample, as a statistic.

    Args:
        found: see `decoding.decode`, `(n, found, 6)`.
        y: see `pipeline.tasks.boxes`, `(n, true, 5)`.
    """
    return _over_images(center_counts(found, y))


def f1_at(found: np.ndarray, y: np.ndarray, threshold: float) -> Statistic:
    """Return F1 at one threshold, as a statistic.

    Args:
        found: see `decoding.decode`, `(n, found, 6)`.
        y: see `pipeline.tasks.boxes`, `(n, true, 5)`.
        threshold: of the score.
    """
    return _over_images(center_counts(found, y, np.array([threshold])))


def best_threshold(found: np.ndarray, y: np.ndarray) -> float | None:
    """Return the threshold with the best F1 of centers; None without an object.

    Args:
        found: see `decoding.decode`, `(n, found, 6)`.
        y: see `pipeline.tasks.boxes`, `(n, true, 5)`.
    """
    if not counted(y).any():
        return None
    values = f1_of(center_counts(found, y).sum(axis=0))
    return round(float(THRESHOLDS[int(values.argmax())]), 2)


def value_of(statistic: Statistic, count: int) -> float:
    """Return a statistic of all images; 0 where it is undefined.

    Args:
        statistic: of one column.
        count: number of images.
    """
    return float(np.nan_to_num(once(statistic, count)[0]))


def _over_images(counts: np.ndarray) -> Statistic:
    flat = counts.reshape(len(counts), -1)

    def statistic(weights: np.ndarray) -> np.ndarray:
        sums = (weights @ flat).reshape(len(weights), -1, 3)
        return f1_of(sums).max(axis=1, keepdims=True)

    return statistic
