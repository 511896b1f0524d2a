"""Evaluation of forecasts: errors by step and series, coverage of the interval.

In: outputs for the test split and targets as stored. Out: a row of evaluation.json;
forecasts.json and forecasts.png with some forecasts of the baseline and of the chosen
file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from pipeline.metrics.task_metrics import TaskMetric
from pipeline.tasks.evaluation import (
    Change,
    Comparison,
    Context,
    Evaluator,
    Model,
    Point,
    as_row,
    baseline_and_chosen,
)
from pipeline.tasks.forecasting import pictures
from pipeline.tasks.forecasting.errors import COVERED, MASE, Layout, step_errors
from pipeline.tasks.forecasting.metric import METRIC
from pipeline.tasks.spec import TaskSpec


@dataclass(frozen=True)
class Forecasts:
    """Forecasts of one file.

    Args:
        spec: signature of the data.
        outputs: of the file, `(n, horizon * count * levels)`.
        y: targets as stored, `(n, columns)`.
    """

    spec: TaskSpec
    outputs: np.ndarray
    y: np.ndarray

    @property
    def layout(self) -> Layout:
        """Meaning of outputs and targets."""
        return Layout(self.spec)

    @cached_property
    def steps(self) -> np.ndarray:
        """Errors of each step, `(n, horizon, count, 4)`."""
        return step_errors(self.layout, self.outputs, self.y)

    @property
    def errors(self) -> np.ndarray:
        """Errors of each example, `(n, 4)`: the evidence of the metrics."""
        return np.asarray(self.steps.mean(axis=(1, 2)))


@dataclass(frozen=True)
class ForecastComparison(Comparison):
    """One file compared with the reference.

    Args:
        mase: mean absolute scaled error; 1 is the seasonal naive forecast in training.
        mase_interval: bootstrap interval over blocks; None where it is undefined.
        drop: MASE gained against the reference, which is a loss.
        drop_interval: paired bootstrap interval of the drop.
        smape: symmetric relative error, 0 .. 2.
        pinball: scaled loss of all quantiles.
        coverage: fraction of the targets inside of the interval; None without one.
        nominal: fraction that should be inside; None without an interval.
        steps: MASE of each step of the horizon.
        series: MASE of each target column.
        changed: mean change of the forecast, in MASE.
        change: `smape` and `pinball` -> file minus reference.
    """

    mase: float
    mase_interval: list[float] | None
    drop: float
    drop_interval: list[float] | None
    smape: float
    pinball: float
    coverage: float | None
    nominal: float | None
    steps: list[float]
    series: list[float]
    changed: float
    change: Mapping[str, Change]


def compare(
    before: Forecasts, after: Forecasts, resamples: int, seed: int
) -> ForecastComparison:
    """Compare a file with the reference.

    Args:
        before: forecasts of the reference.
        after: forecasts of the file, for the same examples.
        resamples: number of bootstrap resamples.
        seed: equal seeds draw equal blocks.
    """
    y, metric, levels = after.y, METRIC(after.spec), after.layout.levels
    old, new = before.errors, after.errors
    mase, interval = metric.value(new, y), len(levels) > 1
    return ForecastComparison(
        mase=mase,
        mase_interval=metric.interval(new, y, resamples, seed),
        drop=mase - metric.value(old, y),
        drop_interval=metric.drop_interval(old, new, y, seed, resamples),
        smape=metric.others["smape"].value(new, y),
        pinball=metric.others["pinball"].value(new, y),
        coverage=float(new[:, COVERED].mean()) if interval else None,
        nominal=levels[-1] - levels[0] if interval else None,
        steps=after.steps[..., MASE].mean(axis=(0, 2)).tolist(),
        series=after.steps[..., MASE].mean(axis=(0, 1)).tolist(),
        changed=_changed(before, after),
        change=_changes(old, new, y, metric, (resamples, seed)),
    )


def _changed(before: Forecasts, after: Forecasts) -> float:
    """Return the mean change of the forecast, scaled as MASE."""
    layout = after.layout
    old, new = (layout.outputs(f.outputs)[..., layout.median] for f in (before, after))
    scale = layout.columns.scale(after.y.astype(np.float64))[:, None]
    return float((np.abs(new - old) * scale).mean())


def _changes(
    old: np.ndarray,
    new: np.ndarray,
    y: np.ndarray,
    metric: TaskMetric,
    draws: tuple[int, int],
) -> dict[str, Change]:
    changes, (resamples, seed) = {}, draws
    for key, other in metric.others.items():
        drop = other.value(new, y) - other.value(old, y)
        interval = other.drop_interval(old, new, y, seed, resamples)
        changes[key] = Change(drop, interval)
    return changes


def _predict(context: Context, model: Model, point: Point) -> Forecasts:
    outputs = model.logits(context.test.x)
    return Forecasts(context.data.spec, outputs, context.test.y)


def _write(
    out: Path, context: Context, predictions: Mapping[str, Forecasts], pareto: Point
) -> None:
    baseline, chosen = baseline_and_chosen(predictions, pareto)
    examples = pictures.choose(baseline.errors[:, MASE], chosen.errors[:, MASE])
    drawing = pictures.Drawing(
        context, baseline.layout, chosen.y, baseline.outputs, chosen.outputs
    )
    pictures.write(out, drawing, examples)


EVALUATION = Evaluator(
    _predict, as_row(compare), _write, lambda forecasts: forecasts.errors
)
