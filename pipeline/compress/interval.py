"""How sure a drop in accuracy is: a paired interval on the validation split."""

from __future__ import annotations

import numpy as np

CONFIDENCE = 0.95
RESAMPLES = 10_000


def drop_interval(
    before: np.ndarray | None, after: np.ndarray | None, seed: int
) -> list[float] | None:
    """Percentile bootstrap interval of the drop, over whole examples.

    What both models find hard is no part of the spread (Efron and Tibshirani, An
    Introduction to the Bootstrap, 1993). An example adds 1, 0 or -1 to the drop, so
    a resample is a draw from a multinomial of three.

    Args:
        before, after: 1 where a model is right, `(n,)`, the same examples.
        seed: equal seeds draw equal numbers.

    Returns:
        Low and high end of accuracy before - accuracy after, or None where one of
        them is not known.
    """
    if before is None or after is None:
        return None
    count = len(before)
    lost = before.astype(int) - after.astype(int)
    parts = [np.mean(lost == value) for value in (1, -1, 0)]
    draws = np.random.default_rng(seed).multinomial(count, parts, RESAMPLES)
    means = (draws[:, 0] - draws[:, 1]) / count
    tail = (1 - CONFIDENCE) / 2
    low, high = np.quantile(means, [tail, 1 - tail])
    return [round(float(low), 6), round(float(high), 6)]
