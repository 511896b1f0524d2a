"""The last lines of a run: every file in a table, then the chosen one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.engine.errors import UserError
from pipeline.engine.jsonio import read_json

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
    """One line a variant: sizes, accuracy on validation and on test, change, latency.

    Points are those of the test split. What is chosen or dominated is so on
    validation, where all decisions are made.
    """
    rows = summary["variants"]
    width = max(len(name(row)) for row in rows)
    head = f"{'variant':<{width}}  {'gzip':>8}  {'raw':>8}  valid.   test  points  ms"
    return [head, *(_line(row, width, summary) for row in rows)]


def size(count: int) -> str:
    """Bytes in kB of 1,000, with one digit after the point."""
    return f"{count / 1000:.1f} kB"


def name(row: dict[str, Any]) -> str:
    """A variant for people: `student | prune(0.6) | pqat`."""
    return f"{row['source']} | {row['recipe']}"


def points(fraction: float) -> str:
    """A signed difference of accuracies in percentage points."""
    return f"{100 * fraction:+z.1f}"


def _line(row: dict[str, Any], width: int, summary: dict[str, Any]) -> str:
    if row["accuracy"] is None:
        return f"{name(row):<{width}}  {row['status']}: {row['reason']}"
    latency = row.get("latency_ms")
    cells = [
        f"{name(row):<{width}}",
        f"{size(row['bytes_gzip']):>8}",
        f"{size(row['bytes_raw']):>8}",
        f"{row['validation_accuracy']:>6.3f}",
        f"{row['accuracy']:.3f}",
        f"{points(0.0 - row['drop']):>6}",
        f"{latency:.3f}" if latency is not None else "    -",
        _note(row, summary),
    ]
    return "  ".join(cells).rstrip()


def _note(row: dict[str, Any], summary: dict[str, Any]) -> str:
    marks = ("chosen", "baseline")
    named = [mark for mark in marks if (summary[mark] or {}).get("id") == row["id"]]
    return ", ".join(named) or ("dominated" if row["dominated"] else "")


def _chosen(row: dict[str, Any], summary: dict[str, Any]) -> list[str]:
    low, high = (points(-bound) for bound in reversed(row["drop_interval"]))
    latency = row.get("latency_ms")
    facts = [
        f"{size(row['bytes_gzip'])} gzip, {row['ratio']:.1f}x smaller",
        f"{row['accuracy']:.3f} on test ({points(-row['drop'])} points, "
        f"95 % interval {low} to {high})",
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
    return [
        f"          on test that is more than the {100 * allowed:.1f} points allowed"
    ]


def _nothing(summary: dict[str, Any]) -> list[str]:
    near = summary["nearest"]
    budget = summary["budget"]
    limits = f"a drop of at most {100 * budget['max_drop']:.1f} points"
    if budget["max_bytes"]:
        limits += f" and {size(budget['max_bytes'])} {budget['measure']}"
    lines = [f"chosen    nothing: no variant keeps to {limits} on validation"]
    if near:
        loss = f"loses {100 * near['validation_drop']:.1f} points there"
        loss += f" at {size(near['bytes_gzip'])}"
        lines.append(f"{'nearest':<9} {name(near)}: {loss}")
    return lines
