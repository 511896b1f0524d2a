"""Means over seeds or folds and their confidence intervals."""

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
    """Compute the mean and Student's 95 % interval of the mean.

    Args:
        values: one value per seed or fold.
        metric: metric of the values; the interval is clipped to its bounds. Default
            None: differences, which have no bounds.

    Returns:
        The mean, and the ends of the interval; None instead of them for one value.
    """
    mean = round(float(np.mean(values)), DIGITS) + 0.0  # turns -0.0 into 0.0
    if len(values) < 2:
        return mean, None
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)) * error
    lowest, highest = (metric.lowest, metric.highest) if metric else (-np.inf, np.inf)
    ends = max(lowest, mean - reach), min(highest, mean + reach)
    return mean, [round(end, DIGITS) for end in ends]


def gain(
    seeds: Sequence[int],
    treated: Sequence[float],
    control: Sequence[float],
    treatment: str,
    metric: Metric,
) -> dict[str, Any]:
    """Compare runs with and without a treatment, paired by seed.

    Args:
        seeds: seed of each pair of runs.
        treated: metric of the runs with the treatment, one per seed.
        control: metric of the runs without it, one per seed.
        treatment: name in JSON and in the verdict, such as `teacher`.
        metric: metric of these values; a gain is positive where `treated` is better.

    Returns:
        A JSON object: values, mean gain, its interval and a verdict in words.
    """
    differences = [
        metric.drop(without, value)
        for value, without in zip(treated, control, strict=True)
    ]
    mean, interval = mean_interval(differences)
    return {
        "seeds": list(seeds),
        f"with_{treatment}": list(treated),
        "without": list(control),
        "gain": mean,
        "interval": interval,
        "verdict": _verdict(mean, interval, treatment, metric),
    }


def _verdict(
    mean: float, interval: list[float] | None, treatment: str, metric: Metric
) -> str:
    change = metric.change(mean, 2)
    if interval is None:
        return f"{change} in one run; several seeds are needed for an interval"
    low, high = interval
    span = f"95 % interval {metric.number(low, 2)} to {metric.number(high, 2)}"
    name = treatment.replace("_", " ")
    if low > 0:
        return f"gain of the {name}: {change}, {span}"
    if high < 0:
        return f"loss by the {name}: {change}, {span}"
    return f"no gain shown: {change}, {span}, which contains 0"
