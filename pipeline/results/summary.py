"""The result of a finished experiment, read and written for the terminal.

In: an experiment's folder. Out: report/summary.json, checked; a table of all variants
and the chosen one; the exit code.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.compress.selection.budget import read_limits
from pipeline.core.decoding import decoding
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.core.invocation import command
from pipeline.core.json_io import read_json
from pipeline.engine.published import published, published_json
from pipeline.metrics.metric import Metric
from pipeline.report.variant_text import change, name, remarks, size, span
from pipeline.results import doubts
from pipeline.tasks.registry import of_document

Row = dict[str, Any]
Budget = dict[str, float | str | bool | dict[str, float] | None]
READABLE = "a result that this version can show"
STAGE_FILES = ("params", "metrics", "run")


class RowSchema(BaseModel):
    """Types of a variant in summary.json and pareto.json that tables rely on."""

    id: str
    source: str
    recipe: str
    status: str
    reason: str | None
    drop: float | None
    bytes_raw: int | None
    bytes_gzip: int | None


class VariantSchema(RowSchema):
    """The same of a variant in summary.json alone."""

    dominated: bool
    latency_ms: float | None = None


class SummarySchema(BaseModel):
    """Types of summary.json that tables rely on."""

    baseline: VariantSchema | None
    budget: Budget
    chosen: VariantSchema | None
    nearest: VariantSchema | None
    variants: list[VariantSchema]
    missed: list[str] = []
    task: str = ""


def read(folder: Path) -> dict[str, Any]:
    """Read the report's summary.

    Args:
        folder: the experiment's folder.

    Raises:
        UserError: the experiment has no report yet, or the summary was altered.
    """
    path = folder / "report" / "summary.json"
    if not path.is_file():
        again = command("run", folder=folder)
        raise UserError(f"{path.parent}: no result yet; run: {again}")
    try:
        summary = published_json(path.parent, path.name, SummarySchema)
    except UserError as error:
        again = command("run", folder=folder)
        raise UserError(f"{error}; restore it with: {again}") from None
    roles = [summary[role] for role in ("baseline", "chosen", "nearest")]
    add_flash(filter(None, [*summary["variants"], *roles]))
    return summary


def add_flash(rows: Iterable[Row]) -> None:
    """Add the bytes in flash to rows of an earlier version, which had only LiteRT.

    Args:
        rows: of pareto.json or summary.json; changed in place.
    """
    for row in rows:
        row.setdefault("bytes_flash", row["bytes_raw"])


def read_stage(folder: Path) -> dict[str, Any]:
    """Read the parameters, metrics and run record of one published stage.

    Args:
        folder: the stage's folder, such as experiments/digits/train.

    Raises:
        UserError: the stage is not published, or a file of it was altered.
    """
    if not (folder / "stage.json").is_file():
        again = command("run", folder.name, folder=folder.parent)
        raise UserError(f"{folder}: no result yet; run: {again}")
    published(folder, *(f"{name}.json" for name in STAGE_FILES))
    return {name: read_json(folder / f"{name}.json") for name in STAGE_FILES}


def exit_code(summary: dict[str, Any]) -> ExitCode:
    """`DONE` if a variant meets the budget, else `OVER_BUDGET`."""
    return ExitCode.DONE if summary["chosen"] else ExitCode.OVER_BUDGET


def text(folder: Path, summary: dict[str, Any]) -> str:
    """The table of variants, the chosen one, and the path of the report.

    Args:
        folder: the experiment's folder.
        summary: as `read` returns it.
    """
    with decoding(folder / "report" / "summary.json", READABLE):
        return _text(folder, summary)


def _text(folder: Path, summary: dict[str, Any]) -> str:
    row = summary["chosen"]
    lines = [*table(summary), ""]
    lines += doubts.lines(summary.get("doubts", []))
    lines += _floors(summary)
    lines += _chosen(row, summary) if row else _none_chosen(summary)
    lines.append(f"report    {folder / 'report' / 'index.html'}")
    return "\n".join(lines)


def table(summary: dict[str, Any]) -> list[str]:
    """One line per variant: sizes, metric on validation and test, change, latency.

    The change is that on the test split. Which variant is chosen or dominated is
    decided on validation.
    """
    score = of_document(summary).metric
    sizes = (f"{'flash':>8}", f"{'raw':>8}", "download")
    head = ("variant", *sizes, "valid.", " test", f"{score.unit:>6}", "ms")
    rows = summary["variants"]
    return columns(
        head, rows, title=name, key=score.key, cells=lambda row: _cells(row, summary)
    )


def columns(
    head: Sequence[str],
    rows: Sequence[Row],
    *,
    title: Callable[[Row], str],
    key: str,
    cells: Callable[[Row], list[str]],
) -> list[str]:
    """Lines of a table; a variant without a file gets the reason in place of cells.

    Args:
        head: column names; the first stands above the titles.
        rows: one per variant.
        title: the first column of a row.
        key: of the metric, which is None where there is no file.
        cells: the other columns of a row that has a file.
    """
    width = max(len(text) for text in (head[0], *map(title, rows)))

    def line(row: Row) -> str:
        failed = row[key] is None
        rest = [f"{row['status']}: {row['reason']}"] if failed else cells(row)
        return "  ".join([title(row).ljust(width), *rest]).rstrip()

    return ["  ".join([head[0].ljust(width), *head[1:]]), *map(line, rows)]


def _cells(row: Row, summary: dict[str, Any]) -> list[str]:
    score, latency = of_document(summary).metric, row.get("latency_ms")
    return [
        f"{size(row['bytes_flash']):>8}",
        f"{size(row['bytes_raw']):>8}",
        f"{size(row['bytes_gzip']):>8}",
        f"{row[f'validation_{score.key}']:>6.3f}",
        f"{row[score.key]:.3f}",
        f"{change(row, score):>6}",
        f"{latency:.3f}" if latency is not None else "    -",
        _note(row, summary),
    ]


def _note(row: Row, summary: dict[str, Any]) -> str:
    """What became of a variant: its roles, why it lost, and if it is dominated."""
    marks = ("chosen", "baseline")
    notes = [mark for mark in marks if (summary[mark] or {}).get("id") == row["id"]]
    if excesses := row.get("over_budget"):
        notes.append(f"over the budget: {'; '.join(excesses)}")
    if row["dominated"] and not notes:
        notes.append("dominated")
    return ", ".join([*notes, *remarks(row)])


def _chosen(row: Row, summary: dict[str, Any]) -> list[str]:
    latency, score = row.get("latency_ms"), of_document(summary).metric
    measure = summary["budget"]["size_metric"]
    facts = [
        f"{size(row[f'bytes_{measure}'])} {measure}, {row['ratio']:.1f}x smaller",
        f"{row[score.key]:.3f} on test ({change(row, score)} {score.unit}, "
        f"95 % interval {span(row, score)})",
        *([_latency(row)] if latency is not None else []),
    ]
    warning = _over_budget_on_test(row, summary, score)
    return [f"chosen    {name(row)}", " " * 10 + ", ".join(facts), *warning]


def _floors(summary: dict[str, Any]) -> list[str]:
    """One line per prediction that a model must be better than."""
    score = of_document(summary).metric
    return [
        f"floor     {floor[score.key]:.3f} on test: {floor['name']} (baseline minus "
        f"floor: {score.change(floor['gain'])})"
        for floor in summary.get("floors", [])
    ]


def _latency(row: Row) -> str:
    speed = f", {row['speed']} than the baseline" if _is_slower(row) else ""
    return f"{row['latency_ms']:.3f} ms{speed}"


def _is_slower(row: Row) -> bool:
    return "slower" in (row.get("speed") or "")


def _over_budget_on_test(row: Row, summary: dict[str, Any], score: Metric) -> list[str]:
    """A warning where a variant within the budget on validation exceeds it on test."""
    allowed = summary["budget"]["max_drop"]
    if row["drop"] <= allowed:
        return []
    return [f"          exceeds the budget of {score.amount(allowed)} on test"]


def _none_chosen(summary: dict[str, Any]) -> list[str]:
    nearest = summary["nearest"]
    task = of_document(summary)
    limits = read_limits(summary["budget"], task.metric, task=task.name)
    reason = f"no variant meets the budget on validation: {limits.describe()}"
    lines = [f"chosen    nothing: {reason}"]
    if nearest:
        lines.append(f"nearest   {name(nearest)}: {'; '.join(summary['missed'])}")
    return lines
