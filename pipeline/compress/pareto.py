"""pareto.json and pareto.csv: all variants, compared with the float baseline."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.compress import frontier
from pipeline.compress.params import Budget
from pipeline.engine.errors import UserError
from pipeline.engine.jsonio import write_json

BASELINE = "baseline-float"
Row = dict[str, Any]
Times = Mapping[str, Mapping[str, float]]
FIRST = ("id", "source", "recipe", "status", "accuracy", "drop", "bytes_gzip")


def document(
    rows: Sequence[Row], budget: Budget, latency: Times | None = None
) -> dict[str, Any]:
    """The content of pareto.json: the budget, the choice, and every point.

    Args:
        rows: one per variant, the float baseline among them.
        latency: id -> `median` in milliseconds; read only if the budget limits it,
            and then the choice is this machine's.

    Raises:
        UserError: when there is nothing to compare with.
    """
    points = _compared(rows, budget)
    chosen = frontier.choose(points, *limits(budget), **more(budget, latency))
    return {
        "budget": budget.model_dump(mode="json"),
        "measure": budget.measure,
        "baseline": BASELINE,
        "chosen": chosen and chosen["id"],
        "points": points,
    }


def write(folder: Path, pareto: dict[str, Any]) -> None:
    """Write pareto.json, and its points as pareto.csv."""
    write_json(folder / "pareto.json", pareto)
    points = pareto["points"]
    with (folder / "pareto.csv").open("w", newline="", encoding="utf-8") as file:
        names = sorted(points[0], key=_column)
        writer = csv.DictWriter(file, names, lineterminator="\n")
        writer.writeheader()
        writer.writerows({k: _cell(v) for k, v in row.items()} for row in points)


def metrics(pareto: dict[str, Any], budget: Budget) -> dict[str, Any]:
    """What the stage reports: how many variants, and which one is chosen."""
    points = {point["id"]: point for point in pareto["points"]}
    chosen, size = points.get(pareto["chosen"]), size_key(budget)
    statuses = [point["status"] for point in points.values()]
    told = {"accuracy": None, "drop": None, "ratio": None, size: None}
    if chosen:
        told = {key: chosen[key] for key in ("accuracy", "drop", size)}
        told["ratio"] = round(points[BASELINE][size] / chosen[size], 2)
    return {
        "headline": f"{len(points)} variants, {_verdict(pareto, chosen, budget)}",
        "variants": {name: statuses.count(name) for name in _counted(statuses)},
        "chosen": pareto["chosen"],
        **told,
    }


def _counted(statuses: Sequence[str]) -> list[str]:
    return ["ok", "broken", "failed", *sorted({"screened"} & set(statuses))]


def size_key(budget: Budget) -> str:
    """The column of the size that counts."""
    return f"bytes_{budget.measure}"


def more(budget: Budget, latency: Times | None) -> dict[str, Any]:
    """The rest of the budget, by name."""
    return {
        "max_arena": budget.max_arena,
        "max_latency_ms": budget.max_latency_ms,
        "latency": latency,
    }


def limits(budget: Budget) -> tuple[str, float, int | None]:
    """The budget as the functions of `frontier` take it."""
    return size_key(budget), budget.max_drop, budget.max_bytes


def _compared(rows: Sequence[Row], budget: Budget) -> list[Row]:
    """Rows with what they lost against the float baseline, and who is dominated."""
    baseline = _baseline(rows)
    points = [{**row, "drop": _drop(row, baseline)} for row in rows]
    flags = frontier.dominated(points, size_key(budget))
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


def _drop(row: Row, baseline: Row) -> float | None:
    measured = row["accuracy"] is not None
    return baseline["accuracy"] - row["accuracy"] if measured else None


def _column(name: str) -> tuple[int, str]:
    """What is read first stands first, the rest by name."""
    return (FIRST.index(name) if name in FIRST else len(FIRST), name)


def _cell(value: Any) -> Any:
    """Lists and counts in one cell: `a 1; b 2`."""
    if isinstance(value, dict):
        return "; ".join(f"{name} {count}" for name, count in value.items())
    return "; ".join(map(str, value)) if isinstance(value, list) else value


def _verdict(pareto: dict[str, Any], chosen: Row | None, budget: Budget) -> str:
    row = chosen or frontier.nearest_miss(pareto["points"], *limits(budget))
    kilobytes = f"{row[size_key(budget)] / 1000:.1f} kB {budget.measure}"
    title = f"{row['source']} | {row['recipe']}"
    if chosen:
        return f"chosen {title} at {kilobytes}"
    loss = f"{100 * row['drop']:.1f} points lost"
    if sure := row.get("drop_interval"):
        loss += f", at most {100 * sure[1]:.1f}"
    return f"none within the budget; nearest {title}, {kilobytes}, {loss}"
