"""Classes of different sizes: weights in the loss, or repeated examples."""

from __future__ import annotations

import numpy as np


def class_weights(y: np.ndarray, classes: int) -> list[float]:
    """`n / (classes * examples of the class)`: the mean weight of an example is 1.

    A class without examples gets 0.
    """
    counts = np.bincount(y, minlength=classes)
    present = (counts > 0).sum()
    return [len(y) / (present * count) if count else 0.0 for count in counts.tolist()]


def repeats(y: np.ndarray, seed: int) -> np.ndarray:
    """Positions to add so that every class has as many examples as the largest.

    Whole rounds of a class come first, the remainder is drawn.
    """
    counts = np.bincount(y)
    rng = np.random.default_rng(seed)
    added = []
    for label in np.flatnonzero(counts):
        mine, missing = np.flatnonzero(y == label), counts.max() - counts[label]
        rounds, rest = divmod(int(missing), len(mine))
        added += [np.tile(mine, rounds), np.sort(rng.choice(mine, rest, False))]
    return np.concatenate(added)
