"""The threshold above which a reconstruction error is called an anomaly."""

from __future__ import annotations

import numpy as np


def youden_threshold(error: np.ndarray, y: np.ndarray) -> float | None:
    """Choose the threshold with the largest detection rate minus false alarm rate.

    Candidates lie half-way between neighboring errors; of equal ones the lowest is
    chosen (Youden, Index for Rating Diagnostic Tests, 1950).

    Args:
        error: error of each validation example, `(n,)`.
        y: 1 for an anomaly, 0 for a normal example, `(n,)`.

    Returns:
        The threshold, or None unless there are examples of both kinds and at least two
        different errors.
    """
    groups = [np.sort(error[y == kind]) for kind in (0, 1)]
    distinct = np.unique(error)
    if not all(map(len, groups)) or len(distinct) < 2:
        return None
    candidates = (distinct[1:] + distinct[:-1]) / 2
    false_alarms, detected = (
        1 - np.searchsorted(errors, candidates, side="right") / len(errors)
        for errors in groups
    )
    return float(candidates[np.argmax(detected - false_alarms)])
