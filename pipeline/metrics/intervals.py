"""Means over seeds or folds, and their confidence intervals."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy import stats

from pipeline.metrics.metric import Metric

LEVEL = 0.95  # confidence of every interval
DIGITS = 9  # after the point: hides the last bits of a sum


def mean_interval(
    values: Sequence[float], metric: Metric | None = None
) -> tuple[float, list[float] | None]:
    """Return the mean and its confidence interval by Student's t distribution.

    Args:
        values: one value per seed or fold.
        metric: metric of the values, whose bounds limit the interval; None for
            differences, which have no bounds. Default None.

    Returns:
        The mean, and lower and upper end of its 95 % interval; None for one value.
    """
    mean = round(float(np.mean(values)), DIGITS) + 0.0  # turns -0.0 into 0.0
    if len(values) < 2:
        return mean, None
    error = float(np.std(values, ddof=1)) / len(values) ** 0.5
    reach = float(stats.t.ppf((1 + LEVEL) / 2, len(values) - 1)) * error
    lowest, highest = (metric.lowest, metric.highest) if metric else (-np.inf, np.inf)
    ends = max(lowest, mean - reach), min(highest, mean + reach)
    return mean, [round(end, DIGITS) for end in ends]


def binomial(events: int, count: int) -> tuple[float, float]:
    """Return the exact interval of a fraction (Clopper, Pearson, 1934).

    Args:
        events: number of examples in which it occurred.
        count: number of examples.

    Returns:
        Low and high end at 95 % confidence.
    """
    tail = (1 - LEVEL) / 2
    low = stats.beta.ppf(tail, events, count - events + 1) if events else 0.0
    rest = count - events
    high = stats.beta.ppf(1 - tail, events + 1, rest) if rest else 1.0
    return float(low), float(high)


def gain(
    seeds: Sequence[int],
    improved: Sequence[float],
    plain: Sequence[float],
    what: str,
    metric: Metric,
) -> dict[str, Any]:
    """Compare runs with and without an addition, paired by seed.

    Args:
        seeds: seeds of the runs.
        improved: metric with the addition, per seed.
        plain: metric without it, per seed.
        what: name of the addition, such as `teacher` or `pseudo_labels`.
        metric: metric of the values.

    Returns:
        All values; `gain`, the mean difference, positive where the addition helps;
        `interval`, its 95 % interval, or None; `verdict`, a sentence.
    """
    differences = [metric.drop(b, a) for a, b in zip(improved, plain, strict=True)]
    mean, interval = mean_interval(differences)
    return {
        "seeds": list(seeds),
        f"with_{what}": list(improved),
        "without": list(plain),
        "gain": mean,
        "interval": interval,
        "verdict": _verdict(mean, interval, what.replace("_", " "), metric),
    }


def _verdict(
    mean: float, interval: list[float] | None, what: str, metric: Metric
) -> str:
    change = metric.change(mean, 2)
    if interval is None:
        return f"{change} with one seed: use several seeds for a confidence interval"
    low, high = interval
    limits = f"95 % interval {metric.number(low, 2)} to {metric.number(high, 2)}"
    if low > 0:
        return f"gain from the {what}: {change}, {limits}"
    if high < 0:
        return f"loss from the {what}: {change}, {limits}"
    return f"no gain shown: {change}, {limits}, which includes 0"
