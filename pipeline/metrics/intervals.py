"""Means over seeds or folds, and how far they can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from pipeline.metrics.metric import Metric

LEVEL = 0.95
DIGITS = 9


def mean_interval(
    values: Sequence[float], metric: Metric | None = None
) -> tuple[float, list[float] | None]:
    """The mean and Student's 95 % interval of it; None for one value alone.

    Args:
        metric: of the values; the interval ends at its bounds. None for differences,
            which have no bounds.
    """
    mean = round(float(np.mean(values)), DIGITS) + 0.0  # no minus before a zero
    if len(values) < 2:
        return mean, None
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)) * error
    lowest, highest = (metric.lowest, metric.highest) if metric else (-np.inf, np.inf)
    ends = max(lowest, mean - reach), min(highest, mean + reach)
    return mean, [round(end, DIGITS) for end in ends]


def gain(
    seeds: Sequence[int],
    given: Sequence[float],
    plain: Sequence[float],
    what: str,
    metric: Metric,
) -> dict[str, Any]:
    """What `given` adds to `plain`, seed by seed, with a verdict in words.

    Args:
        given, plain: the metric with and without `what`, of the same seeds.
        metric: of these values; a gain is positive where `given` is better.
    """
    differences = [metric.drop(b, a) for a, b in zip(given, plain, strict=True)]
    mean, interval = mean_interval(differences)
    return {
        "seeds": list(seeds),
        f"with_{what}": list(given),
        "without": list(plain),
        "gain": mean,
        "interval": interval,
        "verdict": _words(mean, interval, what, metric),
    }


def _words(
    mean: float, interval: list[float] | None, what: str, metric: Metric
) -> str:
    points = metric.change(mean, 2)
    if interval is None:
        return f"{points} in one run, which says little; several seeds say more"
    low, high = interval
    reach = f"95 % interval {metric.number(low, 2)} to {metric.number(high, 2)}"
    what = what.replace("_", " ")
    if low > 0:
        return f"gain of the {what}: {points}, {reach}"
    if high < 0:
        return f"loss by the {what}: {points}, {reach}"
    return f"no gain shown: {points}, {reach}, which holds 0"
