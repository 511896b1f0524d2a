"""What the epochs so far say: which is the best, whether to stop, which rate next.

Pure functions of the history: a resumed fit decides as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.fit.params import FitSettings
from pipeline.metrics.metric import Metric

Row = dict[str, float]


def cost(row: Row, settings: FitSettings, metric: Metric) -> float:
    """What is to become small."""
    value = row[f"val_{settings.monitor}"]
    return value if settings.monitor == "loss" else -metric.merit(value)


def is_best(rows: Sequence[Row], settings: FitSettings, metric: Metric) -> bool:
    """Whether the last epoch is better than each before it."""
    costs = [cost(row, settings, metric) for row in rows]
    return len(costs) == 1 or costs[-1] < min(costs[:-1])


def should_stop(rows: Sequence[Row], settings: FitSettings, metric: Metric) -> bool:
    """Whether the monitor was not better by `min_delta` for `patience` epochs."""
    return _waited(rows, settings, metric) >= settings.patience


def plateau_factor(
    rows: Sequence[Row], settings: FitSettings, metric: Metric
) -> float:
    """`decay` for each time that `plateau_patience` epochs brought nothing better."""
    if settings.schedule != "plateau":
        return 1.0
    factor, best, waited = 1.0, float("inf"), 0
    for row in rows:
        now = cost(row, settings, metric)
        better = now < best - settings.min_delta
        best, waited = (now, 0) if better else (best, waited + 1)
        if waited >= settings.plateau_patience:
            factor, waited = factor * settings.decay, 0
    return factor


def _waited(rows: Sequence[Row], settings: FitSettings, metric: Metric) -> int:
    """Epochs since the last that was better by `min_delta`."""
    best, waited = float("inf"), 0
    for row in rows:
        now = cost(row, settings, metric)
        better = now < best - settings.min_delta
        best, waited = (now, 0) if better else (best, waited + 1)
    return waited
