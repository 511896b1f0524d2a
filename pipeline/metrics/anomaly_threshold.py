"""From which error on an example is called an anomaly."""

from __future__ import annotations

import numpy as np


def threshold(error: np.ndarray, y: np.ndarray) -> float | None:
    """The error that tells validation's anomalies from its normal examples best.

    It lies half-way between two neighbouring errors, where the part of the anomalies
    above it is most ahead of the part of the normal examples above it (Youden, Index
    for Rating Diagnostic Tests, 1950); of equals the lowest.

    Args:
        error: of each example, `(n,)`.
        y: 1 for an anomaly, 0 for a normal example, `(n,)`.

    Returns:
        None unless there are both kinds, and two different errors.
    """
    kinds = [np.sort(error[y == kind]) for kind in (0, 1)]
    known = np.unique(error)
    if not all(map(len, kinds)) or len(known) < 2:
        return None
    between = (known[1:] + known[:-1]) / 2
    alarms, found = (
        1 - np.searchsorted(each, between, side="right") / len(each) for each in kinds
    )
    return float(between[np.argmax(found - alarms)])
