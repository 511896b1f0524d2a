"""Floors of an embedding: vectors drawn at random, and the raw input as the vector."""

from __future__ import annotations

import numpy as np

from pipeline.tasks.embedding.distances import normalized
from pipeline.tasks.floor import Array, Floor, InputFloor

SIZE, SEED = 32, 0


def _random(teaching: Array, y: Array) -> Array:
    return normalized(np.random.default_rng(SEED).normal(size=(len(y), SIZE)))


FLOOR = Floor(
    "vectors drawn at random",
    _random,
    of_inputs=InputFloor("nearest neighbors of the raw inputs", normalized),
)
