"""pareto.json and pareto.csv: all variants, compared with the float baseline."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.compress.selection import pareto_front
from pipeline.compress.selection.budget import Limits, Times, read_limits
from pipeline.compress.params import Budget
from pipeline.core.errors import UserError
from pipeline.core.json_io import write_json
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import DEFAULT, get, named, of_document

BASELINE = "baseline-float"
Row = dict[str, Any]
FIRST = ("id", "source", "recipe", "status")
THEN = ("drop", "bytes_gzip")


def limits_of(
    budget: Budget, task: str = DEFAULT, latency: Times | None = None
) -> Limits:
    """What points are held against.

    Args:
        latency: id -> `median` in milliseconds; read only if the budget limits it,
            and then the choice is this machine's.
    """
    limits = read_limits(budget.model_dump(mode="json"), get(task).metric, latency)
    return replace(limits, task=task)


def document(rows: Sequence[Row], limits: Limits) -> dict[str, Any]:
    """The content of pareto.json: the budget, the choice, and every point.

    Args:
        rows: one per variant, the float baseline among them.

    Raises:
        UserError: when there is nothing to compare with.
    """
    points = _compared(rows, limits)
    chosen = pareto_front.choose(points, limits)
    return {
        **named(limits.task),
        "budget": limits.budget(),
        "measure": limits.measure,
        "baseline": BASELINE,
        "chosen": chosen and chosen["id"],
        "points": points,
    }


def write(folder: Path, pareto: dict[str, Any]) -> None:
    """Write pareto.json, and its points as pareto.csv."""
    write_json(folder / "pareto.json", pareto)
    points, key = pareto["points"], of_document(pareto).metric.key
    order = (*FIRST, key, *THEN)
    with (folder / "pareto.csv").open("w", newline="", encoding="utf-8") as file:
        names = sorted(points[0], key=lambda name: _column(name, order))
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: _cell(v) for k, v in row.items()} for row in points)


def metrics(pareto: dict[str, Any], limits: Limits) -> dict[str, Any]:
    """What the stage reports: how many variants, and which one is chosen."""
    points = {point["id"]: point for point in pareto["points"]}
    chosen, size = points.get(pareto["chosen"]), limits.size
    statuses = [point["status"] for point in points.values()]
    told = dict.fromkeys((limits.score.key, "drop", size))
    told = {key: chosen[key] if chosen else None for key in told}
    ratio = round(points[BASELINE][size] / chosen[size], 2) if chosen else None
    return {
        "headline": f"{len(points)} variants, {_verdict(pareto, chosen, limits)}",
        "variants": {name: statuses.count(name) for name in _counted(statuses)},
        "chosen": pareto["chosen"],
        **told,
        "ratio": ratio,
    }


def _counted(statuses: Sequence[str]) -> list[str]:
    return ["ok", "broken", "failed", *sorted({"screened"} & set(statuses))]


def _compared(rows: Sequence[Row], limits: Limits) -> list[Row]:
    """Rows with what they lost against the float baseline, and who is dominated."""
    baseline, metric = _baseline(rows), limits.score
    points = [{**row, "drop": _drop(row, baseline, metric)} for row in rows]
    flags = pareto_front.dominated(points, limits)
    return [{**row, "dominated": flag} for row, flag in zip(points, flags, strict=True)]


def _baseline(rows: Sequence[Row]) -> Row:
    baseline = next(row for row in rows if row["id"] == BASELINE)
    if all(row["status"] == "failed" for row in rows):
        raise UserError(
            f"compress: none of the {len(rows)} variants could be built; the first: "
            f"{baseline['reason']}"
        )
    if baseline["status"] != "ok":
        raise UserError(
            f"compress: {BASELINE}, which all others are compared with, is "
            f"{baseline['status']}: {baseline['reason']}"
        )
    return baseline


def _drop(row: Row, baseline: Row, metric: Metric) -> float | None:
    value = row[metric.key]
    return None if value is None else metric.drop(value, baseline[metric.key])


def _column(name: str, order: Sequence[str]) -> tuple[int, str]:
    """What is read first stands first, the rest by name."""
    return (order.index(name) if name in order else len(order), name)


def _cell(value: Any) -> Any:
    """Lists and counts in one cell: `a 1; b 2`."""
    if isinstance(value, dict):
        return "; ".join(f"{name} {count}" for name, count in value.items())
    return "; ".join(map(str, value)) if isinstance(value, list) else value


def _verdict(pareto: dict[str, Any], chosen: Row | None, limits: Limits) -> str:
    row = chosen or pareto_front.nearest_miss(pareto["points"], limits)
    kilobytes = f"{row[limits.size] / 1000:.1f} kB {limits.measure}"
    title = f"{row['source']} | {row['recipe']}"
    if chosen:
        return f"chosen {title} at {kilobytes}"
    missed = "; ".join(limits.missed(row))
    return f"none within the budget; nearest {title}, {kilobytes}: {missed}"
