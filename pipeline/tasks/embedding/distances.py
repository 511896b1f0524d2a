"""Distances of embeddings, and what they decide, query by query.

In: embeddings `(n, size)` and class numbers `(n,)`. Out: one number per query, or
counts of its distances, so that a bootstrap resamples queries without computing a
distance again.

A distance is 1 minus the cosine of two vectors, 0 .. 2; vectors of length 1 have half
of their squared Euclidean distance. Where distances are equal, another class counts as
the nearer one, so that a model that maps everything to one vector recognizes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from pipeline.metrics.bootstrap import Statistic

Array = np.ndarray
ROWS = 256  # queries whose distances are in memory
GALLERY = 2000  # maximum number of examples that one-shot recall compares with
BINS = 500  # of distances
LARGE = 4096  # numbers of a vector
# Of the bins, narrower for small distances: all vectors of a model may be near.
EDGES = 2 * np.linspace(0, 1, BINS + 1) ** 2
NEVER = -1e9  # logarithm of a probability of 0


def normalized(outputs: Array) -> Array:
    """Divide vectors by their Euclidean length; a vector of zeros stays.

    Args:
        outputs: of a model, `(n, ...)`; all axes but the first are one vector.

    Returns:
        `(n, size)` float64; float32 for more than 4,096 numbers, as of raw images.
    """
    flat = np.asarray(outputs).reshape(len(outputs), -1)
    vectors = flat.astype(np.float64 if flat.shape[1] <= LARGE else np.float32)
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors / np.where(length > 0, length, 1)


def distances(queries: Array, gallery: Array) -> Array:
    """Compute all distances, float32 `(queries, gallery)`.

    Args:
        queries: vectors of length 1, `(n, size)`.
        gallery: vectors of length 1, `(m, size)`.
    """
    return (1 - queries @ gallery.T).astype(np.float32)


def nearest_hits(vectors: Array, y: Array) -> Array:
    """Return 1 for each query whose nearest other example is of its class, `(n,)`.

    This is recall@1 as in Oh Song et al., Deep Metric Learning via Lifted Structured
    Feature Embedding, 2016. A query that is alone in its class is NaN.
    """
    hits = np.empty(len(y))
    for rows, away, own in _chunks(vectors, y):
        other = np.where(y[rows, None] != y, away, np.inf).min(axis=1)
        hits[rows] = np.where(own, away, np.inf).min(axis=1) < other
        hits[rows[~own.any(axis=1)]] = np.nan
    return hits


def one_shot(vectors: Array, y: Array) -> Array:
    """Probability that each query is recognized from one example per class, `(n,)`.

    One example of each class is enrolled at random, the query itself never; the query
    is recognized if the nearest of them is of its class (Vinyals et al., Matching
    Networks for One Shot Learning, 2016). The probability is exact: an enrolled example
    of the query's class wins against a class with the fraction of that class's examples
    that are farther away. A query that is alone in its class is NaN.

    Args:
        vectors: of length 1, `(n, size)`. Beyond `GALLERY` examples, every second,
            third, ... one can be enrolled.
        y: class numbers, `(n,)`.
    """
    enrolled = np.arange(0, len(y), -(-len(y) // GALLERY))
    number, losses = _losses(y[enrolled])
    chances = np.empty(len(y))
    for rows, away, own in _chunks(vectors, y, enrolled):
        order = np.lexsort((own, away), axis=-1)  # equal distances: others first
        by_class = np.argsort(number[order], axis=1, kind="stable")
        steps = np.empty(order.shape)
        every = np.broadcast_to(losses, order.shape)
        np.put_along_axis(steps, by_class, every, axis=1)
        same = y[enrolled][order] == y[rows, None]
        won = np.exp(np.cumsum(np.where(same, 0.0, steps), axis=1))
        chances[rows] = _mean_where(won, np.take_along_axis(own, order, axis=1))
    return chances


def _losses(y: Array) -> tuple[Array, Array]:
    """What the probability to win against a class loses when its next example passes.

    Args:
        y: class numbers of the enrolled examples, `(n,)`.

    Returns:
        The class of each example, from 0, and logarithms for the examples sorted by
        class and then by distance, each `(n,)`.
    """
    _, number, counts = np.unique(y, return_inverse=True, return_counts=True)
    begins, size = (np.repeat(n, counts) for n in (np.cumsum(counts) - counts, counts))
    nearer = np.arange(len(y)) - begins
    with np.errstate(divide="ignore"):
        return number, np.maximum(np.log((size - nearer - 1) / (size - nearer)), NEVER)


def neighbors(vectors: Array) -> Array:
    """Return the position of the nearest other example of each, `(n,)`.

    Args:
        vectors: of length 1, `(n, size)`.
    """
    nearest = np.empty(len(vectors), np.int64)
    for rows, away, _ in _chunks(vectors, np.zeros(len(vectors))):
        nearest[rows] = away.argmin(axis=1)
    return nearest


def pair_counts(vectors: Array, y: Array) -> Array:
    """Count the distances of each query to other examples.

    Args:
        vectors: of length 1, `(n, size)`.
        y: class numbers, `(n,)`.

    Returns:
        float32 `(n, 2, BINS)`: to other classes, and to its own; bins of 0 .. 2.
    """
    counts = np.empty((len(y), 2, BINS), np.float32)
    for rows, away, own in _chunks(vectors, y):
        steps = BINS * np.sqrt(away.clip(0, 2) / 2)
        bins = np.minimum(steps, BINS - 1).astype(np.int64)
        cells = (np.arange(len(rows))[:, None] * 2 + own) * BINS + bins
        flat = np.bincount(cells[np.isfinite(away)], minlength=len(rows) * 2 * BINS)
        counts[rows] = flat.reshape(len(rows), 2, BINS)
    return counts


def equal_error(counts: Array) -> tuple[Array, Array]:
    """Find where as many pairs of two classes are accepted as of one are rejected.

    Args:
        counts: of pairs, `(..., 2, BINS)`, see `pair_counts`.

    Returns:
        The equal error rate and its distance, each `(...)`; both are linear between
        the ends of bins. NaN without pairs of both kinds.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        below = np.cumsum(counts, axis=-1) / counts.sum(axis=-1, keepdims=True)
    start = np.zeros((*below.shape[:-1], 1))
    accepted, rejected = np.moveaxis(np.concatenate([start, below], -1), -2, 0)
    rejected = 1 - rejected
    gap = accepted - rejected
    end = np.argmax(gap >= 0, axis=-1)[..., None]

    def between(values: Array) -> Array:
        first, last = (
            np.take_along_axis(values, k, -1)[..., 0] for k in (end - 1, end)
        )
        return first + fraction * (last - first)

    low, high = (np.take_along_axis(gap, k, -1)[..., 0] for k in (end - 1, end))
    fraction = -low / (high - low)
    edges = np.broadcast_to(EDGES, gap.shape)
    return between(rejected), between(edges)


def fraction_within(counts: Array, distance: float) -> float:
    """Return the fraction of pairs up to a distance, linear within a bin.

    Args:
        counts: of pairs, `(BINS,)`, at least one.
        distance: 0 .. 2.
    """
    below = np.concatenate([[0.0], np.cumsum(counts)]) / counts.sum()
    return float(np.interp(distance, EDGES, below))


def equal_error_of(counts: Array) -> Statistic:
    """Equal error rate of a resample of queries.

    Args:
        counts: per query, `(n, 2, BINS)`.
    """
    flat = counts.reshape(len(counts), -1)

    def statistic(weights: Array) -> Array:
        sums = weights.astype(np.float32) @ flat
        return equal_error(sums.reshape(len(weights), 2, BINS))[0][:, None]

    return statistic


def _mean_where(values: Array, mask: Array) -> Array:
    """Mean of each row over a mask; NaN where it is empty."""
    count = mask.sum(axis=1)
    empty = np.full(len(count), np.nan)
    return np.divide((values * mask).sum(axis=1), count, out=empty, where=count > 0)


def _chunks(
    vectors: Array, y: Array, gallery: Array | None = None
) -> Iterator[tuple[Array, Array, Array]]:
    """Yield positions of queries, their distances, and where the class is their own.

    The distance of a query to itself is infinite, and its class not its own.
    """
    enrolled = np.arange(len(y)) if gallery is None else gallery
    for begin in range(0, len(y), ROWS):
        rows = np.arange(begin, min(begin + ROWS, len(y)))
        itself = rows[:, None] == enrolled
        away = distances(vectors[rows], vectors[enrolled])
        away[itself] = np.inf
        yield rows, away, (y[rows, None] == y[enrolled]) & ~itself
