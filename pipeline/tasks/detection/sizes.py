"""Average precision of small, medium and large objects, as COCO divides them.

In: found and true boxes, and the size of the images. Out: mAP50-95 per range of the
area. A true box of another size is ignored, and so is a found one that matches nothing.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.metrics.bootstrap import Statistic
from pipeline.tasks.boxes import EMPTY, area
from pipeline.tasks.detection.centers import value_of
from pipeline.tasks.detection.matching import Matches, box_similarity, counted, match
from pipeline.tasks.detection.matching import used as without_empty
from pipeline.tasks.detection.precision import LEVELS, averaged, rankings_of

# Range of the area in pixels, from the first to below the second.
RANGES = {
    "small": (0.0, 32.0**2),
    "medium": (32.0**2, 96.0**2),
    "large": (96.0**2, float("inf")),
}


def by_size(
    found: np.ndarray, y: np.ndarray, size: tuple[int, int]
) -> dict[str, dict[str, Any]]:
    """Compute mAP50-95 of each range that has objects.

    Args:
        found: see `decoding.decode`, `(n, found, 6)`.
        y: see `pipeline.tasks.boxes`, `(n, true, 5)`.
        size: height and width of the images in pixels.

    Returns:
        Range -> number of `objects`, and their `map`.
    """
    ranges = {}
    for name, (low, high) in RANGES.items():
        areas = area(y[..., 1:].astype(np.float64)) * size[0] * size[1]
        real = counted(y) & (areas >= low) & (areas < high)
        if real.any():
            value = value_of(_of_range(found, y, real, size, (low, high)), len(y))
            ranges[name] = {"objects": int(real.sum()), "map": value}
    return ranges


def _of_range(
    found: np.ndarray,
    y: np.ndarray,
    real: np.ndarray,
    size: tuple[int, int],
    ends: tuple[float, float],
) -> Statistic:
    found = without_empty(found)
    matches = match(box_similarity(found, y), LEVELS, ~real, y[..., 0] < EMPTY)
    areas = area(found[..., 2:].astype(np.float64)) * size[0] * size[1]
    other = ~((areas >= ends[0]) & (areas < ends[1]))[..., None]
    skipped = matches.skipped | (~matches.hit & other)
    return averaged(
        rankings_of(found, y, Matches(matches.hit, skipped, matches.taken), real)
    )
