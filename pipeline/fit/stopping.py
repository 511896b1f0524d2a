"""What the epochs so far say: which is the best, whether to stop, which rate next.

Pure functions of the history: a resumed fit decides as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.fit.params import FitSettings

Row = dict[str, float]


def cost(row: Row, settings: FitSettings) -> float:
    """What is to become small."""
    value = row[f"val_{settings.monitor}"]
    return value if settings.monitor == "loss" else -value


def is_best(rows: Sequence[Row], settings: FitSettings) -> bool:
    """Whether the last epoch is better than each before it."""
    costs = [cost(row, settings) for row in rows]
    return len(costs) == 1 or costs[-1] < min(costs[:-1])


def should_stop(rows: Sequence[Row], settings: FitSettings) -> bool:
    """Whether the monitor was not better by `min_delta` for `patience` epochs."""
    return _waited(rows, settings) >= settings.patience


def plateau_factor(rows: Sequence[Row], settings: FitSettings) -> float:
    """`decay` for each time that `plateau_patience` epochs brought nothing better."""
    if settings.schedule != "plateau":
        return 1.0
    factor, best, waited = 1.0, float("inf"), 0
    for row in rows:
        now = cost(row, settings)
        better = now < best - settings.min_delta
        best, waited = (now, 0) if better else (best, waited + 1)
        if waited >= settings.plateau_patience:
            factor, waited = factor * settings.decay, 0
    return factor


def _waited(rows: Sequence[Row], settings: FitSettings) -> int:
    """Epochs since the last that was better by `min_delta`."""
    best, waited = float("inf"), 0
    for row in rows:
        now = cost(row, settings)
        better = now < best - settings.min_delta
        best, waited = (now, 0) if better else (best, waited + 1)
    return waited
