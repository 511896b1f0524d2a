"""Compensation for classes of different sizes: loss weights or repeated examples."""

from __future__ import annotations

import numpy as np


def class_weights(y: np.ndarray, classes: int) -> list[float]:
    """Return weights that make classes count the same; their mean over examples is 1.

    Args:
        y: class numbers, `(n,)`.
        classes: number of classes.

    Returns:
        `n / (classes present * examples of the class)` per class; 0 for a class without
        examples.
    """
    return weights_of_counts(np.bincount(y, minlength=classes))


def weights_of_counts(counts: np.ndarray) -> list[float]:
    """Return weights that make classes count the same; their mean over examples is 1.

    Args:
        counts: number of examples, or of pixels, per class, `(classes,)`.

    Returns:
        `n / (classes present * examples of the class)` per class; 0 for a class without
        examples.
    """
    present, total = int((counts > 0).sum()), int(counts.sum())
    return [total / (present * n) if n else 0.0 for n in counts.tolist()]


def repeats(y: np.ndarray, seed: int) -> np.ndarray:
    """Return positions to add so that every class is as large as the largest one.

    Every example of a class is repeated equally often; the remainder is drawn.

    Args:
        y: class numbers, `(n,)`.
        seed: of the drawn remainder.
    """
    counts = np.bincount(y)
    rng = np.random.default_rng(seed)
    added = []
    for label in np.flatnonzero(counts):
        members, missing = np.flatnonzero(y == label), counts.max() - counts[label]
        rounds, rest = divmod(int(missing), len(members))
        added += [np.tile(members, rounds), np.sort(rng.choice(members, rest, False))]
    return np.concatenate(added)
