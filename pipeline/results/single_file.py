"""The result of `compress-file`: every variant of one model in a table.

In: the folder that compress-file wrote, with its stage compress. Out: the lines that
compress-file ends with and `show` prints again, and the exit code.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.compress.selection.budget import Limits, read_limits
from pipeline.compress.selection.pareto_front import nearest_miss
from pipeline.compress.selection.point import Point, points_of
from pipeline.core.decoding import decoding
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.engine.published import published, published_json
from pipeline.engine.run_record import read_run
from pipeline.metrics.metric import Metric
from pipeline.report.variant_text import remarks
from pipeline.results import doubts, held_out, losing_steps
from pipeline.results.losing_steps import phrases
from pipeline.results.summary import READABLE, Budget, RowSchema, add_flash, columns
from pipeline.tasks.registry import of_document

Row = dict[str, Any]


class PointSchema(RowSchema):
    """Types of a row of pareto.json that the table relies on."""

    drop_interval: list[float] | None


class ParetoSchema(BaseModel):
    """Types of pareto.json that the table relies on."""

    budget: Budget
    chosen: str | None
    points: list[PointSchema]
    task: str = ""


NO_SIZE = float("inf")  # sorts variants without a file to the end


def read(folder: Path) -> dict[str, Any]:
    """Read the result.

    Args:
        folder: as compress-file wrote it.

    Returns:
        pareto.json, with `latency` (id -> its times), `input` (the preprocessing
        of the model's input, in words), `doubts` (warnings about the models),
        `cautions` (what limits the meaning of the results) and `test` (the rows of the
        test split; empty without one) and `ledger` (id -> its lines of ledger.json).

    Raises:
        UserError: there is no result yet, or a file is not the one that was published.
    """
    path = folder / "compress" / "pareto.json"
    if not path.is_file():
        raise UserError(f"{path.parent}: no result yet; run compress-file again")
    with decoding(path, READABLE):
        pareto = published_json(path.parent, path.name, ParetoSchema)
        add_flash(pareto["points"])
        if pareto["chosen"]:
            published(path.parent, "best.tflite")
        latency = read_run(path.parent).get("volatile", {}).get("latency_ms", {})
        return {
            **pareto,
            "latency": latency,
            "input": _input(folder),
            **doubts.read(folder),
            "test": held_out.read(folder),
            "ledger": losing_steps.read(path.parent),
        }


def exit_code(pareto: dict[str, Any]) -> ExitCode:
    """`DONE` if a variant meets the budget, else `OVER_BUDGET`."""
    return ExitCode.DONE if pareto["chosen"] else ExitCode.OVER_BUDGET


def text(folder: Path, pareto: dict[str, Any], usage: str) -> str:
    """The model's input, the table, the chosen variant, and how to use it.

    Args:
        folder: as compress-file wrote it.
        pareto: as `read` returns it.
        usage: the command that runs the chosen file, or why there is none.
    """
    with decoding(folder / "compress" / "pareto.json", READABLE):
        return _text(folder, pareto, usage)


def _text(folder: Path, pareto: dict[str, Any], usage: str) -> str:
    limits = limits_of(pareto)
    lines = [f"input     {pareto['input']}", *table(pareto, limits), ""]
    lines += doubts.lines(pareto.get("doubts", []))
    lines += [f"note      {caution}" for caution in pareto.get("cautions", [])]
    lines += held_out.lines(pareto, pareto.get("test", {}), limits.metric)
    if pareto["chosen"]:
        best = folder / "compress" / "best.tflite"
        lines += [f"chosen    {best}", f"use       {usage}"]
    else:
        lines += _none_chosen(folder, pareto, limits)
    return "\n".join(lines)


def limits_of(pareto: dict[str, Any]) -> Limits:
    """The limits of the budget, with the metric of the task.

    Args:
        pareto: as `read` returns it.
    """
    task = of_document(pareto)
    return read_limits(pareto["budget"], task.metric, pareto["latency"], task.name)


def sorted_rows(pareto: dict[str, Any], limits: Limits) -> list[Row]:
    """The variants, the smallest first, those without a file last.

    Args:
        pareto: as `read` returns it.
        limits: as `limits_of` returns them.
    """
    key, size = limits.metric.key, limits.size_key
    return sorted(
        pareto["points"], key=lambda row: NO_SIZE if row[key] is None else row[size]
    )


def table(pareto: dict[str, Any], limits: Limits) -> list[str]:
    """One line per variant, the smallest first, those without a file last.

    The change is that on validation. The worst case is the upper end of its interval,
    which the budget is compared with.
    """
    key, unit = limits.metric.key, limits.metric.unit
    sizes = (f"{'flash':>9}", f"{'raw':>9}", f"{'download':>9}")
    return columns(
        ("recipe", *sizes, "valid.", f"{unit:>6}", "at worst"),
        sorted_rows(pareto, limits),
        title=lambda row: row["recipe"],
        key=key,
        cells=lambda row: _cells(row, limits.metric, mark(row, pareto, limits)),
    )


def _input(folder: Path) -> str:
    """The preprocessing of the input: a model trained with another one fails."""
    from pipeline.tasks.spec import read_spec  # imports NumPy

    spec = read_spec(published(folder / "data", "spec.json"))
    steps = [step["step"] for step in spec.preprocess]
    if spec.scale != 1 or spec.offset:
        steps.append(f"x * {spec.scale:.4g} + {spec.offset:.4g}")
    if not steps:
        return f"{spec.source} without preprocessing"
    done = f"{spec.source} after {', '.join(steps)}"
    return f"{done} (data.preprocessing=none: without this)"


def scores(row: Row, score: Metric) -> list[str]:
    """The metric of a variant with a file, its change, and the change at worst.

    Args:
        row: of pareto.json.
        score: metric of the task.
    """
    worst = Point.from_json(row).upper_drop
    changes = (score.number(score.difference(drop)) for drop in (row["drop"], worst))
    return [f"{row[score.key]:.3f}", *changes]


def _cells(row: Row, score: Metric, end: str) -> list[str]:
    value, change, worst = scores(row, score)
    return [
        f"{row['bytes_flash']:>9,}",
        f"{row['bytes_raw']:>9,}",
        f"{row['bytes_gzip']:>9,}",
        f"{value:>6}",
        f"{change:>6}",
        f"{worst:>8}",
        end,
    ]


def mark(row: Row, pareto: dict[str, Any], limits: Limits) -> str:
    """Whether a variant is chosen, within the budget, or failed, and what it lacks.

    Args:
        row: of `pareto["points"]`.
        pareto: as `read` returns it.
        limits: as `limits_of` returns them.
    """
    lines = pareto.get("ledger", {}).get(row["id"], [])
    parts = [_status(row, pareto, limits), *phrases(lines, limits.metric)]
    return "; ".join(parts if row["status"] != "ok" else [*parts, *remarks(row)])


def _status(row: Row, pareto: dict[str, Any], limits: Limits) -> str:
    if row["id"] == pareto["chosen"]:
        return "chosen"
    if row["status"] != "ok":
        return f"{row['status']}: {row['reason']}"
    return "over budget" if limits.excess(Point.from_json(row)) > 0 else "ok"


def missed(pareto: dict[str, Any]) -> str:
    """Say that no file meets the budget, and what the nearest one exceeds.

    Args:
        pareto: as `read` returns it.
    """
    limits = limits_of(pareto)
    text = f"no file meets the budget: {limits.describe()}"
    nearest = nearest_miss(points_of(pareto), limits)
    if nearest is None:
        return text
    return f"{text}; nearest: {nearest.recipe}: {_excess(nearest, limits)}"


def _excess(point: Point, limits: Limits) -> str:
    return "; ".join(limits.violations(point))


def _none_chosen(folder: Path, pareto: dict[str, Any], limits: Limits) -> list[str]:
    lines = [
        f"chosen    none meets the budget: {limits.describe()}",
        f"frontier  {folder / 'compress'}",
    ]
    nearest = nearest_miss(points_of(pareto), limits)
    if nearest is None:
        return lines
    return [*lines, f"nearest   {nearest.recipe}: {_excess(nearest, limits)}"]
