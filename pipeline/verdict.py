"""The last lines of a run: every file in a table, then the chosen one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from pipeline.compress.selection.budget import read_limits
from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import of_document

Row = dict[str, Any]
KEYS = {"baseline", "budget", "chosen", "nearest", "variants"}


def read(folder: Path) -> dict[str, Any]:
    """The report's summary of the experiment in `folder`."""
    path = folder / "report" / "summary.json"
    if not path.is_file():
        name = folder.name
        raise UserError(f"{path.parent}: no result yet; run: make all EXP={name}")
    summary = read_json(path)
    if not isinstance(summary, dict) or not KEYS <= set(summary):
        raise UserError(
            f"{path}: was altered; make it again: make all EXP={folder.name}"
        )
    return summary


def exit_code(summary: dict[str, Any]) -> int:
    """0 when a file meets the budget, 3 when none does."""
    return 0 if summary["chosen"] else 3


def text(folder: Path, summary: dict[str, Any]) -> str:
    """The table of files, what was chosen, what it is worth, where the report is."""
    row = summary["chosen"]
    lines = [*table(summary), ""]
    lines += _chosen(row, summary) if row else _nothing(summary)
    lines.append(f"report    {folder / 'report' / 'index.html'}")
    return "\n".join(lines)


def table(summary: dict[str, Any]) -> list[str]:
    """One line a variant: sizes, score on validation and on test, change, latency.

    The change is that of the test split. What is chosen or dominated is so on
    validation, where all decisions are made.
    """
    score = of_document(summary).metric
    sizes = (f"{'gzip':>8}", f"{'raw':>8}")
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
    """A table: the head, then a line a row; what has no file says why.

    Args:
        head: the first of them stands over the titles.
        key: of the score, which is None where there is no file.
        cells: what follows the title, of a row with a file.
    """
    width = max(len(text) for text in (head[0], *map(title, rows)))

    def line(row: Row) -> str:
        none = row[key] is None
        told = [f"{row['status']}: {row['reason']}"] if none else cells(row)
        return "  ".join([title(row).ljust(width), *told]).rstrip()

    return ["  ".join([head[0].ljust(width), *head[1:]]), *map(line, rows)]


def size(count: int) -> str:
    """Bytes in kB of 1,000, with one digit after the point."""
    return f"{count / 1000:.1f} kB"


def name(row: dict[str, Any]) -> str:
    """A variant for people: `student | prune(0.6) | pqat`."""
    return f"{row['source']} | {row['recipe']}"


def change(row: dict[str, Any], score: Metric) -> str:
    """How a row's metric differs from the baseline's: `-0.6`."""
    return score.number(score.difference(row["drop"]))


def span(row: dict[str, Any], score: Metric) -> str:
    """The interval of that difference: `-1.7 to +0.6`, or `unknown`."""
    interval = row["drop_interval"]
    if interval is None:
        return "unknown"
    low, high = map(score.number, score.differences(interval))
    return f"{low} to {high}"


def _cells(row: Row, summary: dict[str, Any]) -> list[str]:
    score, latency = of_document(summary).metric, row.get("latency_ms")
    return [
        f"{size(row['bytes_gzip']):>8}",
        f"{size(row['bytes_raw']):>8}",
        f"{row[f'validation_{score.key}']:>6.3f}",
        f"{row[score.key]:.3f}",
        f"{change(row, score):>6}",
        f"{latency:.3f}" if latency is not None else "    -",
        _note(row, summary),
    ]


def _note(row: dict[str, Any], summary: dict[str, Any]) -> str:
    marks = ("chosen", "baseline")
    named = [mark for mark in marks if (summary[mark] or {}).get("id") == row["id"]]
    return ", ".join(named) or ("dominated" if row["dominated"] else "")


def _chosen(row: dict[str, Any], summary: dict[str, Any]) -> list[str]:
    latency, score = row.get("latency_ms"), of_document(summary).metric
    facts = [
        f"{size(row['bytes_gzip'])} gzip, {row['ratio']:.1f}x smaller",
        f"{row[score.key]:.3f} on test ({change(row, score)} {score.unit}, "
        f"95 % interval {span(row, score)})",
        *([f"{latency:.3f} ms"] if latency is not None else []),
    ]
    return [
        f"chosen    {name(row)}",
        " " * 10 + ", ".join(facts),
        *_warned(row, summary),
    ]


def _warned(row: dict[str, Any], summary: dict[str, Any]) -> list[str]:
    """A choice that keeps to the budget on validation may exceed it on test."""
    allowed = summary["budget"]["max_drop"]
    if row["drop"] <= allowed:
        return []
    told = of_document(summary).metric.amount(allowed)
    return [f"          on test that is more than the {told} allowed"]


def _nothing(summary: dict[str, Any]) -> list[str]:
    near, limits = summary["nearest"], read_limits(summary["budget"], of_document(summary).metric)
    lines = [f"chosen    nothing: no variant keeps on validation to {limits.describe()}"]
    if near:
        lines.append(f"{'nearest':<9} {name(near)}: {'; '.join(summary['missed'])}")
    return lines
