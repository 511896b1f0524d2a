"""Comparison of experiments: their results side by side, and why they differ.

In: finished experiments. Out: a table of results, and the differences from the first
experiment in config, data, code and environment; as text, or as an HTML page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

from pipeline.core.decoding import decoding
from pipeline.core.text_table import aligned
from pipeline.report import formatting
from pipeline.report.variant_text import change, name, size, span
from pipeline.reproduce.differences import KINDS
from pipeline.reproduce.differences import differences as all_differences
from pipeline.reproduce.snapshot import of_run
from pipeline.results import summary as summaries_of
from pipeline.tasks.registry import of_document
from pipeline.tasks.report import report_of
from pipeline.tasks.task import Task

HASH_SHOWN = 12  # characters of a fingerprint
TEMPLATE = "templates/comparison.html.j2"
Row = dict[str, Any]
Cell = Callable[[Row], str]


@dataclass(frozen=True)
class Table:
    """A table of the page; every cell is plain text."""

    title: str
    head: list[str]
    rows: list[list[str]]


def compare(folders: Sequence[Path], stages: Sequence[str]) -> dict[str, Any]:
    """Compare finished experiments.

    Args:
        folders: of the experiments; the others are compared with the first.
        stages: names of the stages whose fingerprints and inputs are compared.

    Returns:
        A JSON value: `experiments` (names), `results` (rows of a label and a text per
        experiment), `differences` (experiment -> kind -> texts) and `fingerprints`.

    Raises:
        UserError: an experiment has no report.
    """
    summaries = [summaries_of.read(folder) for folder in folders]
    names = [folder.name for folder in folders]
    first = folders[0]
    return {
        "experiments": names,
        "results": _results(folders, summaries),
        "differences": {
            folder.name: differences(first, folder, stages) for folder in folders[1:]
        },
        "fingerprints": [[stage, *_fingerprints(folders, stage)] for stage in stages],
    }


def _results(folders: Sequence[Path], summaries: Sequence[Row]) -> list[list[str]]:
    """Rows of a label and a text per experiment."""
    texts = []
    for folder, summary in zip(folders, summaries):
        with decoding(folder / "report" / "summary.json", summaries_of.READABLE):
            texts.append([cell(summary) for cell in figures(summaries).values()])
    return [[label, *row] for label, *row in zip(figures(summaries), *texts)]


def differences(
    first: Path, second: Path, stages: Sequence[str]
) -> dict[str, list[str]]:
    """Kind of difference -> texts, stage by stage.

    Stages are compared one by one, because each may have another environment.
    """
    lines = [
        (cause.kind, cause.text)
        for stage in stages
        for cause in all_differences(of_run(first, (stage,)), of_run(second, (stage,)))
    ]
    unique = dict.fromkeys(lines)
    return {kind: [text for other, text in unique if other == kind] for kind in KINDS}


def _fingerprints(folders: Sequence[Path], stage: str) -> list[str]:
    runs = [of_run(folder, (stage,)) for folder in folders]
    return [run.entries[stage].fingerprint[:HASH_SHOWN] for run in runs]


def text(document: dict[str, Any]) -> list[str]:
    """Lines for the terminal.

    Args:
        document: as `compare` returns it.
    """
    rows = [["result", *document["experiments"]], *document["results"]]
    lines = aligned(rows, "l" * len(rows[0]))
    first = document["experiments"][0]
    for experiment, by_kind in document["differences"].items():
        lines += ["", f"{experiment} against {first}"]
        texts = [f"  {kind:<12}{line}" for kind, line in _flat(by_kind)]
        lines += texts or ["  nothing that results depend on differs"]
    return lines


def _flat(by_kind: dict[str, list[str]]) -> list[list[str]]:
    return [[kind, line] for kind in KINDS for line in by_kind[kind]]


def page(document: dict[str, Any]) -> str:
    """An HTML page that escapes every value and loads and runs nothing.

    Args:
        document: as `compare` returns it.
    """
    from jinja2 import Environment

    source = resources.files(__package__).joinpath(TEMPLATE).read_text("utf-8")
    template = Environment(autoescape=True).from_string(source)
    title = " and ".join(document["experiments"])
    return template.render(title=title, tables=_tables(document)) + "\n"


def _tables(document: dict[str, Any]) -> list[Table]:
    names = document["experiments"]
    tables = [Table("Results", ["", *names], document["results"])]
    for experiment, by_kind in document["differences"].items():
        rows = _flat(by_kind) or [["nothing", "that results depend on differs"]]
        title = f"Differences: {experiment} against {names[0]}"
        tables.append(Table(title, ["kind", "difference"], rows))
    fingerprints = Table("Fingerprints", ["", *names], document["fingerprints"])
    return [*tables, fingerprints]


def figures(summaries: Sequence[Row]) -> dict[str, Cell]:
    """Label -> a function of a summary, for every row of the table of results."""
    rows = {
        "chosen": _chosen(name),
        "size, flash": _chosen(lambda row: size(row["bytes_flash"])),
        "size, raw": _chosen(lambda row: size(row["bytes_raw"])),
        "download, gzip": _chosen(lambda row: size(row["bytes_gzip"])),
        "smaller": _chosen(lambda row: f"{row['ratio']:.1f}x"),
    }
    tasks = {task.name: task for task in map(of_document, summaries)}
    for task in tasks.values():
        for label, cell in metric_figures(task).items():
            rows[label] = _only_for(task, cell)
    return rows | {
        "latency, ms": _chosen(_optional("latency_ms")),
        "baseline, flash": _baseline(lambda row: size(row["bytes_flash"])),
        "test examples": lambda summary: f"{summary['examples']:,}",
    }


def metric_figures(task: Task) -> dict[str, Cell]:
    """The rows that belong to one task's metrics."""
    compared, score = report_of(task.name).compared.items(), task.metric
    return {
        f"test {score.name}": _chosen(_optional(score.key)),
        "points" if score.scale > 1 else f"change of {score.name}": _chosen(
            lambda row: f"{change(row, score)} ({span(row, score)})"
        ),
        **{label: _chosen(_optional(key)) for label, key in compared},
        f"baseline {score.name}": _baseline(_optional(score.key)),
    }


def _only_for(task: Task, cell: Cell) -> Cell:
    """A dash for experiments of another task."""
    return lambda summary: (
        cell(summary) if of_document(summary).name == task.name else "-"
    )


def _chosen(cell: Cell) -> Cell:
    return lambda summary: cell(summary["chosen"]) if summary["chosen"] else "-"


def _baseline(cell: Cell) -> Cell:
    return lambda summary: cell(summary["baseline"])


def _optional(key: str) -> Cell:
    return lambda row: (
        "-" if row.get(key) is None else formatting.measured(row[key], key)
    )
