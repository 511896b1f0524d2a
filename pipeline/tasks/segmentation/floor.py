"""The most frequent class everywhere as the floor; it is the background, mostly."""

from __future__ import annotations

import numpy as np

from pipeline.tasks.floor import Array, Floor
from pipeline.tasks.segmentation.counts import pixel_counts
from pipeline.tasks.targets import IGNORED


def _evidence(teaching: Array, y: Array) -> Array:
    frequent = int(np.bincount(teaching.reshape(-1))[:IGNORED].argmax())
    classes = max(int(np.where(y == IGNORED, 0, y).max(initial=0)), frequent) + 1
    return pixel_counts(y, np.full(y.shape, frequent), classes)


FLOOR = Floor("the most frequent class in every pixel", _evidence)
