"""No object at all as the floor: its precision is 0 wherever there are objects."""

from __future__ import annotations

import numpy as np

from pipeline.tasks.detection.decoding import FOUND, NOTHING
from pipeline.tasks.floor import Array, Floor


def _evidence(teaching: Array, y: Array) -> Array:
    found = np.zeros((len(y), 1, FOUND), np.float32)
    found[..., 0] = NOTHING
    return found


FLOOR = Floor("no object in any image", _evidence)
