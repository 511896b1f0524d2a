"""Which found boxes are true ones: greedy matching by score, as COCO's evaluation does.

In: found and true boxes. Out: per found box and level of similarity, whether it matches
a true box, and whether it counts at all. Lin et al., Microsoft COCO: Common Objects in
Context, 2014, and its evaluation code: a found box takes the most similar free box of
its class; one that matches only ignored objects counts nowhere.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.tasks.boxes import EMPTY, area, ignored, intersection, iou

RADIUS = 0.08  # of width and height, within which a center is the true one


@dataclass(frozen=True)
class Matches:
    """Result of matching.

    Args:
        hit: the found box matches a counted true one, bool `(n, found, levels)`.
        skipped: the found box counts nowhere, bool of the same shape.
        taken: the true box is matched, bool `(n, true, levels)`.
    """

    hit: np.ndarray
    skipped: np.ndarray
    taken: np.ndarray


def counted(y: np.ndarray) -> np.ndarray:
    """Return True for the true boxes that count, `(..., boxes)`."""
    return y[..., 0] > EMPTY


def box_similarity(found: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute the IoU of found and true boxes of a class; -1 for another class.

    For an ignored true box, the common area as a fraction of the found box.

    Args:
        found: see `decoding.decode`, `(n, found, 6)`.
        y: see `pipeline.tasks.boxes`, `(n, true, 5)`.

    Returns:
        float64 `(n, found, true)`.
    """
    boxes, true = found[..., 2:].astype(np.float64), y[..., 1:].astype(np.float64)
    crowd = (y[..., 0] < EMPTY)[:, None, :]
    overlap = iou(boxes, true)
    if crowd.any():
        whole = np.maximum(area(boxes), 1e-12)[..., None]
        overlap = np.where(crowd, intersection(boxes, true) / whole, overlap)
    return np.where(_same_class(found, y), overlap, -1.0)


def center_similarity(found: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Compute 1 minus the distance of centers in units of `RADIUS`; -1 if below 0.

    Args:
        found: see `decoding.decode`, `(n, found, 6)`.
        y: see `pipeline.tasks.boxes`, `(n, true, 5)`.

    Returns:
        float64 `(n, found, true)`.
    """
    boxes, true = found[..., 2:].astype(np.float64), y[..., 1:].astype(np.float64)
    first, second = ((b[..., :2] + b[..., 2:]) / 2 for b in (boxes, true))
    steps = (first[..., :, None, :] - second[..., None, :, :]) / RADIUS
    near = 1 - np.sqrt((steps**2).sum(axis=-1))
    return np.where(_same_class(found, y) & (near >= 0), near, -1.0)


def match(
    similarity: np.ndarray,
    levels: np.ndarray,
    uncounted: np.ndarray,
    shared: np.ndarray,
) -> Matches:
    """Match found boxes to true ones, the best found box first.

    Args:
        similarity: `(n, found, true)`, found boxes by descending score; -1 for pairs
            that cannot match.
        levels: similarities that are needed, `(levels,)`, from 0.
        uncounted: true boxes that do not count, bool `(n, true)`.
        shared: true boxes that any number of found ones may match, bool `(n, true)`.
    """
    count, found, true = similarity.shape
    shape = (count, found, len(levels))
    hit, skipped = np.zeros(shape, bool), np.zeros(shape, bool)
    taken = np.zeros((count, true, len(levels)), bool)
    for rank in range(found):
        near = similarity[:, rank, :, None]
        free = (near >= levels) & (~taken | shared[..., None])
        for group, mark in ((~uncounted, hit), (uncounted, skipped)):
            open_ = ~hit[:, rank] & ~skipped[:, rank]
            usable = np.where(free & group[..., None], near, -1.0)
            # The last of equal ones, as in COCO's code.
            best = true - 1 - usable[:, ::-1].argmax(axis=1)
            value = np.take_along_axis(usable, best[:, None], axis=1)[:, 0]
            matched = open_ & (value >= 0)
            mark[:, rank] = matched
            image, level = np.nonzero(matched)
            taken[image, best[image, level], level] = True
    return Matches(hit, skipped, taken)


def match_targets(similarity: np.ndarray, y: np.ndarray, levels: np.ndarray) -> Matches:
    """Match found boxes to targets, whose ignored objects count nowhere.

    Args:
        similarity: `(n, found, true)`.
        y: see `pipeline.tasks.boxes`, `(n, true, 5)`.
        levels: similarities that are needed, `(levels,)`.
    """
    return match(similarity, levels, ~counted(y), y[..., 0] < EMPTY)


def used(found: np.ndarray) -> np.ndarray:
    """Return found boxes without the ranks that no image has, `(n, ranks, 6)`."""
    ranks = int((found[..., 0] >= 0).sum(axis=1).max(initial=0))
    return found[:, :ranks]


def _same_class(found: np.ndarray, y: np.ndarray) -> np.ndarray:
    number = np.where(y[..., 0] < EMPTY, ignored(y[..., 0]), y[..., 0])
    own = found[..., 0]
    return (own[..., :, None] == number[..., None, :]) & (own >= 0)[..., None]
