"""Data of the frontier chart: one point per evaluated file.

In: ExperimentData and the content of summary.json. Out: FrontierChart.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.metrics.metric import Metric
from pipeline.report import formatting
from pipeline.report.experiment_data import ExperimentData, Row

# Key of a row -> name of the axis.
SIZE_AXES = {
    "bytes_flash": "size, flash",
    "bytes_raw": "size, raw",
    "bytes_gzip": "download, gzip",
    "latency_ms": "latency",
    "macs": "MACs",
    "arena_bytes": "arena",
}


@dataclass(frozen=True)
class FrontierPoint:
    """One exported file.

    Attributes:
        id: id of the variant, which is its anchor on the page too.
        source: `baseline` or `student`.
        dominated: True if another file was better on validation.
        sizes: key of `SIZE_AXES` -> value, None if it was not measured.
        metrics: key of `metric_axes` -> value, None if it was not measured.
        intervals: key of `metrics` -> 95 % interval. On test it is that of the metric;
            on validation it ends where the paired interval of the drop does, which is
            what the budget limits.
        over_budget: True if it exceeds a limit of the budget on validation.
        lines: text of the box that is shown on hover.
    """

    id: str
    source: str
    dominated: bool
    sizes: dict[str, float | None]
    metrics: dict[str, float | None]
    intervals: dict[str, list[float]]
    over_budget: bool
    lines: list[str]


@dataclass(frozen=True)
class FrontierChart:
    """All points, and the budget that they are compared with.

    Attributes:
        points: one per file that was evaluated on test.
        axes: key of a point's `metrics` -> name of the vertical axis.
        bound_axis: the axis that the budget limits: the metric on validation.
        bound: worst value on that axis within the budget.
        bounded: what must be within it: `the whole bar`, or `the point` where the
            budget limits the estimate.
        max_bytes: largest size within the budget, None if it is not limited.
        size_metric: `flash`, `raw` or `gzip`, the size that `max_bytes` limits.
        baseline: id of the float baseline.
        chosen: id of the chosen file, None if no file meets the budget.
    """

    points: list[FrontierPoint]
    axes: dict[str, str]
    bound_axis: str
    bound: float
    bounded: str
    max_bytes: int | None
    size_metric: str
    baseline: str
    chosen: str | None


def frontier_chart(
    experiment: ExperimentData, summary: Mapping[str, Any]
) -> FrontierChart:
    """Build the chart.

    Args:
        experiment: the published experiment.
        summary: content of summary.json.
    """
    score, chosen = experiment.score, summary["chosen"]
    budget = experiment.pareto["budget"]
    axes, validation = metric_axes(experiment), f"validation_{score.key}"
    rows = [row for row in experiment.rows if row[score.key] is not None]
    return FrontierChart(
        points=[_point(row, score, axes, summary["baseline"]) for row in rows],
        axes=axes,
        bound_axis=validation,
        bound=score.bound(summary["baseline"][validation], budget["max_drop"]),
        bounded="the point" if score.by_estimate else "the whole bar",
        max_bytes=budget["max_bytes"],
        size_metric=budget["size_metric"],
        baseline=summary["baseline"]["id"],
        chosen=chosen["id"] if chosen else None,
    )


def size_axes(experiment: ExperimentData) -> dict[str, str]:
    """Horizontal axes: key -> name, the size that the budget compares first."""
    first = {experiment.size_key: SIZE_AXES[experiment.size_key]}
    return _present(first | SIZE_AXES, experiment.rows)


def metric_axes(experiment: ExperimentData) -> dict[str, str]:
    """Vertical axes: key -> name, of those that at least one file has.

    The first is the metric on validation, by which the file was chosen.
    """
    key, name = experiment.score.key, experiment.score.name
    names = {
        f"validation_{key}": f"validation {name}",
        key: f"test {name}",
        "macro_f1": "macro F1",
        f"corrupted_{key}": f"{name} on corrupted examples",
        f"attacked_{key}": f"{name} under attack",
    }
    return _present(names, experiment.rows)


def _present(axes: Mapping[str, str], rows: list[Row]) -> dict[str, str]:
    return {
        key: name
        for key, name in axes.items()
        if any(row.get(key) is not None for row in rows)
    }


def _point(
    row: Row, score: Metric, axes: Mapping[str, str], baseline: Row
) -> FrontierPoint:
    return FrontierPoint(
        id=row["id"],
        source=row["source"],
        dominated=row["dominated"],
        sizes={key: row.get(key) for key in SIZE_AXES},
        metrics={key: row.get(key) for key in axes},
        intervals=_intervals(row, score, baseline),
        over_budget=bool(row["over_budget"]),
        lines=_lines(row, score),
    )


def _intervals(row: Row, score: Metric, baseline: Row) -> dict[str, list[float]]:
    validation = f"validation_{score.key}"
    drops, on_test = row["validation_drop_interval"], row[f"{score.key}_interval"]
    ends = sorted(score.bound(baseline[validation], drop) for drop in drops or [])
    # The drop's interval may reach past a perfect value, which no model can have.
    possible = [min(max(end, score.lowest), score.highest) for end in ends]
    intervals = {validation: possible, score.key: on_test}
    return {key: pair for key, pair in intervals.items() if pair}


def _lines(row: Row, score: Metric) -> list[str]:
    change, interval = formatting.change(row, score), formatting.span_of(row, score)
    lines = [
        formatting.name(row),
        f"{formatting.size(row['bytes_flash'])} flash, "
        f"{formatting.size(row['bytes_raw'])} raw, "
        f"{formatting.size(row['bytes_gzip'])} gzip",
        f"{formatting.accuracy(row[score.key])} on test "
        f"({change} {score.unit}, 95 % interval {interval})",
    ]
    if "flips_worse" in row:
        fixed = f"{row['flips_better']} newly correct"
        lines.append(f"{row['flips_worse']} newly wrong, {fixed}")
    if row["over_budget"]:
        lines.append(f"over the budget on validation: {'; '.join(row['over_budget'])}")
    if row["latency_ms"] is not None:
        speed = f", {row['speed']}" if row["speed"] else ""
        lines.append(f"{formatting.latency(row['latency_ms'])} per example{speed}")
    return lines
