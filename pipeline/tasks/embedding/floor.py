"""Floors of an embedding: vectors drawn at random, and the raw input as the vector."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.tasks.embedding.distances import normalized
from pipeline.tasks.floor import Array, Fitted, Floor
from pipeline.tasks.spec import TaskSpec

SIZE, SEED = 32, 0


def _random(teaching: Array, y: Array) -> Array:
    return normalized(np.random.default_rng(SEED).normal(size=(len(y), SIZE)))


def _raw(spec: TaskSpec, train: Array, test: Array, y: Array) -> Iterator[Fitted]:
    evidence = normalized(np.asarray(spec.to_input(test)))
    yield Fitted("nearest neighbors of the raw inputs", evidence, True)


FLOOR = Floor("vectors drawn at random", _random, fitted=_raw)
