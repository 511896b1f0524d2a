"""Popularity as the floor, and what followed the last item in training."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.tasks.floor import Array, Fitted, Floor
from pipeline.tasks.ranking.ranks import ranks
from pipeline.tasks.ranking_rows import FIRST, HISTORY, rows_of
from pipeline.tasks.spec import TaskSpec

BATCH = 256  # rankings in memory


def _evidence(teaching: Array, y: Array) -> Array:
    """Rank by the number of training examples of each item."""
    count = 1 + max(int(teaching[:, 0].max()), int(y.max()))
    scores = np.bincount(teaching[:, 0], minlength=count).astype(np.float64)
    return _in_batches(lambda rows: np.tile(scores, (len(rows), 1)), y)


def _fitted(spec: TaskSpec, train: Array, test: Array, y: Array) -> Iterator[Fitted]:
    """A Markov chain of order 1 of the items; ties are ordered by popularity."""
    step = rows_of(spec)
    if step is None or step.reads != HISTORY or step.length < 2:
        return
    items = len(step.items)
    pairs = train[:, -2:].astype(np.int64) - FIRST
    pairs = pairs[(pairs >= 0).all(axis=1)]
    following = np.zeros((items, items))
    np.add.at(following, (pairs[:, 0], pairs[:, 1]), 1.0)
    popularity = np.bincount(pairs[:, 1], minlength=items) / (len(pairs) + 1.0)
    last = test[:, -1].astype(np.int64) - FIRST

    def scores(rows: Array) -> Array:
        known = (last[rows] >= 0)[:, None]
        return popularity + np.where(known, following[np.maximum(last[rows], 0)], 0.0)

    name = "what followed the last item in training (a Markov chain of order 1)"
    yield Fitted(name, _in_batches(scores, y), learned=True)


def _in_batches(scores_of: object, y: Array) -> Array:
    assert callable(scores_of)
    parts = [
        ranks(scores_of(rows), y[rows])
        for rows in np.array_split(np.arange(len(y)), 1 + len(y) // BATCH)
        if len(rows)
    ]
    return np.concatenate(parts)


FLOOR = Floor("the most popular items", _evidence, fitted=_fitted)
