"""A copy of the input as the floor: it reconstructs anomalies as well as the others."""

from __future__ import annotations

import numpy as np

from pipeline.tasks.floor import Array, Floor


def _evidence(teaching: Array, y: Array) -> Array:
    return np.zeros(len(y))


FLOOR = Floor("an exact copy of the input", _evidence)
