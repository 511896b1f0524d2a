"""Data of the charts of the search: parallel coordinates, and importance.

In: ExperimentData. Out: SearchChart; hyperparameter -> importance.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.report import formatting
from pipeline.report.experiment_data import ExperimentData, Row

COSTS = ("parameters", "macs", "bytes_int8", "activation_bytes")  # of a trial


@dataclass(frozen=True)
class SearchAxis:
    """One vertical axis: a hyperparameter, a cost, or the score.

    Attributes:
        name: its label.
        positions: one per trial, from 0 at the bottom to 1 at the top.
        labels: the value of each trial, as text.
        ends: labels of the bottom and the top.
    """

    name: str
    positions: list[float]
    labels: list[str]
    ends: tuple[str, str]


@dataclass(frozen=True)
class SearchChart:
    """Parallel coordinates: one line per trial through all axes.

    Attributes:
        axes: what differs between trials: hyperparameters, costs, then the score.
        trials: number of each trial, as text.
        scores: validation score of each trial.
        best: number of the best trial, as text.
    """

    axes: list[SearchAxis]
    trials: list[str]
    scores: list[float]
    best: str


def search_chart(experiment: ExperimentData) -> SearchChart | None:
    """Build the chart; None if there are no two trials that differ.

    Args:
        experiment: the published experiment.
    """
    scored = [trial for trial in experiment.trials if trial["score"] is not None]
    columns = _columns(scored)
    varied = [name for name, values in columns.items() if len(set(values)) > 1]
    if len(scored) < 2 or not varied:
        return None
    scores = [trial["score"] for trial in scored]
    axes = {name: columns[name] for name in varied} | {"score": scores}
    return SearchChart(
        axes=[_axis(name, values) for name, values in axes.items()],
        trials=[str(trial["trial"]) for trial in scored],
        scores=scores,
        best=str(experiment.best.trial),
    )


def importance(experiment: ExperimentData) -> dict[str, float] | None:
    """Share of the score's variance per hyperparameter, the largest first.

    Args:
        experiment: the published experiment.
    """
    shares = experiment.optional.importance
    if not shares:
        return None
    numbers = {n: v for n, v in shares.items() if isinstance(v, int | float)}
    return dict(sorted(numbers.items(), key=lambda item: -item[1]))


def _columns(trials: list[Row]) -> dict[str, list[Any]]:
    """Hyperparameter or cost -> its value in each trial, None if it has none."""
    names = dict.fromkeys(name for trial in trials for name in trial["values"])
    values = {name: [t["values"].get(name) for t in trials] for name in names}
    return values | {name: [t.get(name) for t in trials] for name in COSTS}


def _axis(name: str, values: list[Any]) -> SearchAxis:
    """Scale an axis to 0 .. 1; text values are ordered alphabetically."""
    texts = ["-" if value is None else str(value) for value in values]
    labels = [formatting.short(text) for text in texts]
    if not all(_is_number(value) for value in values):
        order = sorted(set(texts))
        values = [float(order.index(text)) for text in texts]
    low, high = min(values), max(values)
    width = (high - low) or 1.0
    return SearchAxis(
        name=name,
        positions=[(value - low) / width for value in values],
        labels=labels,
        ends=(labels[values.index(low)], labels[values.index(high)]),
    )


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
