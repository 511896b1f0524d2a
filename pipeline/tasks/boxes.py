"""Boxes as targets: the notation that sources, augmentation and tasks share.

The boxes of an image are `(boxes, 5)` float32: class number, left, top, right and
bottom, as fractions of width and height. Rows of the class `EMPTY` fill up the array. A
class number below it marks an object that is neither learned nor counted, such as a
crowd (COCO) or a difficult object (Pascal VOC).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

FIELDS = 5  # class, left, top, right, bottom
EMPTY = -1.0
Number = TypeVar("Number", float, np.ndarray)


def ignored(number: Number) -> Number:
    """Return the class number of an ignored object of a class; its own inverse.

    Args:
        number: class number from 0, or the number of an ignored object.
    """
    return -2 - number


def stacked(rows: Sequence[np.ndarray]) -> np.ndarray:
    """Stack the boxes of images, filled up to the largest number of boxes.

    Args:
        rows: `(boxes, 5)` per image; there may be none.

    Returns:
        float32 `(n, largest number of boxes, 5)`, at least one row per image.
    """
    most = max([1, *map(len, rows)])
    return np.stack([padded(boxes, most) for boxes in rows])


def padded(boxes: np.ndarray, count: int) -> np.ndarray:
    """Fill up boxes with rows of the class `EMPTY`, `(..., count, 5)` float32.

    Args:
        boxes: `(..., boxes, 5)`, at most `count` boxes.
        count: number of rows.
    """
    whole = np.zeros((*boxes.shape[:-2], count, FIELDS), np.float32)
    whole[..., 0] = EMPTY
    whole[..., : boxes.shape[-2], :] = boxes
    return whole


def iou(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute intersection over union of all pairs of boxes.

    Args:
        first: left, top, right and bottom, `(..., a, 4)`.
        second: likewise, `(..., b, 4)`.

    Returns:
        `(..., a, b)`, in the dtype of the boxes; 0 for boxes without area.
    """
    shared = intersection(first, second)
    union = area(first)[..., :, None] + area(second)[..., None, :] - shared
    zero = np.zeros_like(shared)
    return np.divide(shared, union, out=zero, where=union > 0)


def intersection(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Compute the common area of all pairs of boxes, `(..., a, b)`.

    Args:
        first: `(..., a, 4)`.
        second: `(..., b, 4)`.
    """
    first, second = first[..., :, None, :], second[..., None, :, :]
    low = np.maximum(first[..., :2], second[..., :2])
    high = np.minimum(first[..., 2:], second[..., 2:])
    sides = np.maximum(high - low, 0)
    return sides[..., 0] * sides[..., 1]


def area(boxes: np.ndarray) -> np.ndarray:
    """Compute the area of boxes, `(..., 4)` -> `(...)`; 0 for an inverted box."""
    sides = np.maximum(boxes[..., 2:] - boxes[..., :2], 0)
    return sides[..., 0] * sides[..., 1]
