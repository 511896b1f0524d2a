"""pareto.json and pareto.csv: all variants, compared with the float baseline.

In: one `VariantRow` per variant, and the limits. Out: one `Point` per variant, the
document of pareto.json, and the metrics of the stage.
"""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.compress.params import Budget
from pipeline.compress.selection import pareto_front
from pipeline.compress.selection.budget import Limits, Times, read_limits
from pipeline.compress.selection.cheaper import beaten_by
from pipeline.compress.selection.point import Interval, OtherDrops, Point, VariantRow
from pipeline.core.errors import UserError
from pipeline.core.json_io import write_json
from pipeline.core.wording import quantity
from pipeline.tasks.registry import DEFAULT, get, named, of_document

BASELINE = "baseline-float"
FIRST_COLUMNS = ("id", "source", "recipe", "status")
COLUMNS_AFTER_METRIC = ("drop", "bytes_flash", "bytes_raw", "bytes_gzip")


def limits_of(
    budget: Budget,
    task: str = DEFAULT,
    latency: Times | None = None,
    unbalanced: bool = False,
) -> Limits:
    """Build the limits of an experiment's budget.

    Args:
        budget: section `compress.budget`.
        task: name of the task; default classification.
        latency: id -> `median` in milliseconds; read only when the budget limits it,
            and the choice then depends on the machine. Default None, not measured.
        unbalanced: the classes are, so the guard applies; default False.
    """
    metric, guarded = get(task).metric, get(task).guard
    drops = budget.drops(metric.key)
    values = budget.model_dump(mode="json") | {
        "max_drop": drops.pop(metric.key),
        "max_drops": drops,
        "guard": {},
    }
    if unbalanced and guarded and guarded not in drops and budget.guard is not None:
        values["guard"] = {guarded: budget.guard}
    return read_limits(values, metric, latency, task)


def compare(
    rows: Sequence[VariantRow],
    limits: Limits,
    drop_intervals: Sequence[Interval | None] | None = None,
    other_drops: Sequence[OtherDrops] | None = None,
) -> list[Point]:
    """Compare all variants with the float baseline.

    Args:
        rows: one per variant, the float baseline among them.
        limits: define the metric and the size that are compared.
        drop_intervals: paired interval of each row's drop; default None, not measured.
        other_drops: losses of other metrics of each row; default None, not measured.

    Returns:
        One point per row, in their order.

    Raises:
        UserError: when no variant has a file, or the float baseline has none.
    """
    baseline = _baseline(rows)
    intervals = drop_intervals or [None] * len(rows)
    others = other_drops or [{}] * len(rows)
    points = [
        Point(
            **vars(row),
            drop=_drop(row, baseline, limits),
            drop_interval=interval,
            other_drops=losses,
            beaten_by=beaten_by(row, rows, limits.metric),
        )
        for row, interval, losses in zip(rows, intervals, others, strict=True)
    ]
    flags = pareto_front.dominated(points, limits)
    return [replace(p, dominated=flag) for p, flag in zip(points, flags, strict=True)]


def document(points: Sequence[Point], limits: Limits) -> dict[str, Any]:
    """Build the content of pareto.json: the budget, the choice, and every point.

    Args:
        points: result of `compare`.
        limits: the budget.
    """
    chosen = pareto_front.choose(points, limits)
    return {
        **named(limits.task),
        "budget": limits.to_json(),
        "size_metric": limits.size_metric,
        "baseline": BASELINE,
        "chosen": chosen.id if chosen else None,
        "points": [point.to_json() for point in points],
    }


def write(folder: Path, pareto: dict[str, Any]) -> None:
    """Write pareto.json, and its points as pareto.csv.

    Args:
        folder: existing folder of both files.
        pareto: result of `document`.
    """
    write_json(folder / "pareto.json", pareto)
    rows, key = pareto["points"], of_document(pareto).metric.key
    order = (*FIRST_COLUMNS, key, *COLUMNS_AFTER_METRIC)
    with (folder / "pareto.csv").open("w", newline="", encoding="utf-8") as file:
        present = {name for row in rows for name in row}
        names = sorted(present, key=lambda name: _column(name, order))
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: _cell(v) for k, v in row.items()} for row in rows)


def metrics(points: Sequence[Point], limits: Limits) -> dict[str, Any]:
    """Summarize the stage: number of variants per status, and the chosen one.

    Args:
        points: result of `compare`.
        limits: the budget.

    Returns:
        `headline`, `variants`, `chosen`, the metric, `drop` and size of the chosen
        file, and `ratio`, how many times smaller it is than the float baseline.
    """
    chosen = pareto_front.choose(points, limits)
    baseline = next(point for point in points if point.id == BASELINE)
    row = chosen.to_json() if chosen else {}
    ratio = round(limits.size(baseline) / limits.size(chosen), 2) if chosen else None
    variants = quantity(len(points), "variant")
    return {
        "headline": f"{variants}, {_choice_text(points, limits)}",
        "variants": _counts([point.status for point in points]),
        "chosen": chosen.id if chosen else None,
        **{key: row.get(key) for key in (limits.metric.key, "drop", limits.size_key)},
        "ratio": ratio,
        **_cost_of_guard(points, limits),
    }


def _cost_of_guard(points: Sequence[Point], limits: Limits) -> dict[str, str]:
    """A sentence about the file that would be chosen without the guard, if another."""
    chosen = pareto_front.choose(points, limits)
    free = pareto_front.choose(points, replace(limits, guard={}))
    if free is None or (chosen and chosen.id == free.id):
        return {}
    size = f"{limits.size(free):,} bytes {limits.size_metric}"
    instead = f"{limits.size(chosen):,}" if chosen else "none"
    reasons = "; ".join(limits.violations(free))
    return {
        "guard": f"classes are unbalanced, so the worst class is guarded: "
        f"{free.title} ({size}, instead of {instead}) is not chosen: {reasons}; "
        "compress.budget.guard sets the limit"
    }


def _counts(statuses: Sequence[str]) -> dict[str, int]:
    names = ["ok", "broken", "failed", *sorted({"screened"} & set(statuses))]
    return {name: statuses.count(name) for name in names}


def _baseline(rows: Sequence[VariantRow]) -> VariantRow:
    baseline = next(row for row in rows if row.id == BASELINE)
    if all(row.status == "failed" for row in rows):
        raise UserError(
            f"compress: none of the {quantity(len(rows), 'variant')} could be built; "
            f"the first: {baseline.reason}"
        )
    if baseline.status != "ok":
        raise UserError(
            f"compress: {BASELINE}, which all others are compared with, is "
            f"{baseline.status}: {baseline.reason}"
        )
    return baseline


def _drop(row: VariantRow, baseline: VariantRow, limits: Limits) -> float | None:
    value, reference = limits.value(row), limits.value(baseline)
    if value is None or reference is None:
        return None
    return limits.metric.drop(value, reference)


def _column(name: str, order: Sequence[str]) -> tuple[int, str]:
    """Sort key of a column: those of `order` first, the others by name."""
    return (order.index(name) if name in order else len(order), name)


def _cell(value: Any) -> Any:
    """Lists and counts in one cell: `a 1; b 2`."""
    if isinstance(value, dict):
        return "; ".join(f"{name} {count}" for name, count in value.items())
    return "; ".join(map(str, value)) if isinstance(value, list) else value


def _choice_text(points: Sequence[Point], limits: Limits) -> str:
    chosen = pareto_front.choose(points, limits)
    point = chosen or pareto_front.nearest_miss(points, limits)
    if point is None:
        return "none has a usable file"
    size = f"{limits.size(point) / 1000:.1f} kB {limits.size_metric}"
    if chosen:
        return f"chosen {point.title} at {size}"
    violations = "; ".join(limits.violations(point))
    return f"none within the budget; nearest {point.title}, {size}: {violations}"
