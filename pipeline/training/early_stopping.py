"""Decisions from the history: the best epoch, early stopping, plateaus.

In: the records of the epochs so far. Out: a decision. The functions are pure, so a
resumed fit decides as an uninterrupted one.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.metrics.metric import Metric
from pipeline.training.params import FitSettings

EpochRecord = dict[str, float]


def cost(record: EpochRecord, settings: FitSettings, metric: Metric) -> float:
    """Return the monitored value of an epoch as a cost: lower is better."""
    value = record[f"val_{settings.monitor}"]
    return value if settings.monitor == "loss" else -metric.merit(value)


def is_best(
    history: Sequence[EpochRecord], settings: FitSettings, metric: Metric
) -> bool:
    """Return True if the last epoch is strictly better than all before it."""
    costs = [cost(record, settings, metric) for record in history]
    return len(costs) == 1 or costs[-1] < min(costs[:-1])


def should_stop(
    history: Sequence[EpochRecord], settings: FitSettings, metric: Metric
) -> bool:
    """Return True after `patience` epochs without an improvement by `min_delta`."""
    best, waited = float("inf"), 0
    for record in history:
        current = cost(record, settings, metric)
        improved = current < best - settings.min_delta
        best, waited = (current, 0) if improved else (best, waited + 1)
    return waited >= settings.patience


def plateau_factor(
    history: Sequence[EpochRecord], settings: FitSettings, metric: Metric
) -> float:
    """Return the learning rate factor of the schedule `plateau`, else 1.

    The factor is multiplied by `decay` after every `plateau_patience` epochs without an
    improvement by `min_delta`.
    """
    if settings.schedule != "plateau":
        return 1.0
    factor, best, waited = 1.0, float("inf"), 0
    for record in history:
        current = cost(record, settings, metric)
        improved = current < best - settings.min_delta
        best, waited = (current, 0) if improved else (best, waited + 1)
        if waited >= settings.plateau_patience:
            factor, waited = factor * settings.decay, 0
    return factor
