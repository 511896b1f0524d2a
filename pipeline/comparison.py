"""`python -m pipeline compare EXP_A EXP_B ...`: results side by side, and why.

In: finished experiments. Out: a table of results, what differs from the first one in
config, data, code and environment, on the terminal and as a page (`--html FILE`).
"""

from __future__ import annotations

import argparse
import html
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline import verdict
from pipeline.chain import CHAIN
from pipeline.config import experiment_folder
from pipeline.core.errors import UserError
from pipeline.report import formatting
from pipeline.reproduce.causes import KINDS, causes
from pipeline.reproduce.snapshot import of_run
from pipeline.scores import ANOMALIES, CLASSES, NUMBERS, Score, score_of

STAGES = tuple(stage.name for stage in CHAIN)
SHORT = 12  # of a hash
Row = dict[str, Any]
Cell = Callable[[Row], str]


def compare(arguments: argparse.Namespace) -> int:
    """Print, and write the page if asked to."""
    folders = [
        experiment_folder(arguments.root, name) for name in arguments.experiments
    ]
    if len(folders) < 2:
        raise UserError("compare: needs at least two experiments")
    document = facts(folders)
    if arguments.html:
        arguments.html.write_text(page(document), encoding="utf-8")
    if arguments.json:
        print(json.dumps(document, indent=2, sort_keys=True))
        return 0
    print("\n".join(text(document)))
    if arguments.html:
        print(f"\npage      {arguments.html}")
    return 0


def facts(folders: list[Path]) -> dict[str, Any]:
    """Everything that is told, as a JSON value.

    `results` holds a row per figure with a text per experiment; `differences` the
    causes by kind, of each experiment against the first.
    """
    summaries = [verdict.read(folder) for folder in folders]
    names = [folder.name for folder in folders]
    return {
        "experiments": names,
        "results": [
            [what, *map(cell, summaries)] for what, cell in figures(summaries).items()
        ],
        "differences": {
            name: differences(folders[0], folder)
            for name, folder in zip(names[1:], folders[1:])
        },
        "fingerprints": [[stage, *_prints(folders, stage)] for stage in STAGES],
    }


def differences(first: Path, second: Path) -> dict[str, list[str]]:
    """Kind -> what differs, stage by stage: each may have an environment of its own."""
    found = [
        (cause.kind, cause.text)
        for stage in STAGES
        for cause in causes(of_run(first, (stage,)), of_run(second, (stage,)))
    ]
    told = dict.fromkeys(found)
    return {kind: [text for of, text in told if of == kind] for kind in KINDS}


def _prints(folders: list[Path], stage: str) -> list[str]:
    runs = [of_run(folder, (stage,)) for folder in folders]
    return [run.entries[stage].fingerprint[:SHORT] for run in runs]


def text(document: dict[str, Any]) -> list[str]:
    """Lines for the terminal."""
    lines = _columns(["result", *document["experiments"]], document["results"])
    first = document["experiments"][0]
    for name, kinds in document["differences"].items():
        lines += ["", f"{name} against {first}"]
        told = [(kind, each) for kind in KINDS for each in kinds[kind]]
        lines += [f"  {kind:<12}{each}" for kind, each in told]
        lines += [] if told else ["  nothing that results depend on differs"]
    return lines


def page(document: dict[str, Any]) -> str:
    """The same as HTML, in which every value is escaped; nothing is loaded or run."""
    names = document["experiments"]
    parts = [_table("Results", ["", *names], document["results"])]
    for name, kinds in document["differences"].items():
        rows = [[kind, each] for kind in KINDS for each in kinds[kind]]
        rows = rows or [["nothing", "that results depend on differs"]]
        title = f"What differs: {name} against {names[0]}"
        parts.append(_table(title, ["kind", "difference"], rows))
    parts.append(_table("Fingerprints", ["", *names], document["fingerprints"]))
    title = html.escape(" and ".join(names))
    return PAGE.format(title=title, style=STYLE, body="\n".join(parts))


def _columns(head: list[str], rows: list[list[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(head, *rows)]
    lines = []
    for row in (head, *rows):
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths)]
        lines.append("  ".join(cells).rstrip())
    return lines


def _table(title: str, head: list[str], rows: list[list[str]]) -> str:
    def cells(row: list[str], tag: str) -> str:
        return "".join(f"<{tag}>{html.escape(cell)}</{tag}>" for cell in row)

    body = "\n".join(f"<tr>{cells(row, 'td')}</tr>" for row in rows)
    return (
        f"<section><h2>{html.escape(title)}</h2><div class=scroll tabindex=0>"
        f"<table><thead><tr>{cells(head, 'th')}</tr></thead>"
        f"<tbody>{body}</tbody></table></div></section>"
    )


def _chosen(tell: Cell) -> Cell:
    return lambda summary: tell(summary["chosen"]) if summary["chosen"] else "-"


def _baseline(tell: Cell) -> Cell:
    return lambda summary: tell(summary["baseline"])


def _optional(key: str) -> Cell:
    return lambda row: "-" if row.get(key) is None else formatting.measured(row[key], key)


def figures(summaries: list[Row]) -> dict[str, Cell]:
    """What is compared; of each score among the experiments, what belongs to it."""
    found = {
        "chosen": _chosen(verdict.name),
        "size, gzip": _chosen(lambda row: verdict.size(row["bytes_gzip"])),
        "size, raw": _chosen(lambda row: verdict.size(row["bytes_raw"])),
        "smaller": _chosen(lambda row: f"{row['ratio']:.1f}x"),
    }
    for score in dict.fromkeys(map(score_of, summaries)):
        for label, cell in _worth(score).items():
            found[label] = _own(score, cell)
    return found | {
        "latency, ms": _chosen(_optional("latency_ms")),
        "baseline, gzip": _baseline(lambda row: verdict.size(row["bytes_gzip"])),
        "test examples": lambda summary: f"{summary['examples']:,}",
    }


def _worth(score: Score) -> dict[str, Cell]:
    """What files of one task are worth."""
    more = {label: _chosen(_optional(key)) for label, key in MORE[score.task].items()}
    return {
        f"test {score.name}": _chosen(_optional(score.key)),
        "points" if score.scale > 1 else f"change of {score.name}": _chosen(
            lambda row: f"{verdict.change(row, score)} ({verdict.span(row, score)})"
        ),
        **more,
        f"baseline {score.name}": _baseline(_optional(score.key)),
    }


def _own(score: Score, tell: Cell) -> Cell:
    """Of the experiments with that score alone."""
    return lambda summary: tell(summary) if score_of(summary) == score else "-"


# Task -> label -> key, of what is measured besides the score.
MORE = {
    CLASSES: {
        "macro F1": "macro_f1",
        "ECE": "ece",
        "when corrupted": "corrupted_accuracy",
        "when attacked": "attacked_accuracy",
    },
    NUMBERS: {
        "mean absolute error": "mae",
        "R2 when corrupted": "corrupted_r2",
    },
    ANOMALIES: {
        "anomalies found": "found",
        "false alarms": "false_alarms",
        "AUC when corrupted": "corrupted_auc",
    },
}
STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 0 auto;
  padding: 1rem; }
table { border-collapse: collapse; width: 100%; }
th, td { text-align: left; padding: .4rem 1rem .4rem 0; vertical-align: top;
  border-bottom: 1px solid color-mix(in srgb, currentColor 20%, transparent); }
td:first-child { font-weight: 600; white-space: nowrap; }
.scroll { overflow-x: auto; }
"""
PAGE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; style-src 'unsafe-inline'; img-src data:">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
<h1>{title}</h1>
{body}
</body>
</html>
"""
