"""index.html: the verdict and what led to it, on one page that needs no network.

In: Facts, summary.json's content, the pictures' files. Out: the text of the page,
in which everything that comes from data is escaped.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined

from pipeline.report import words
from pipeline.report.context import context
from pipeline.report.facts import Facts
from pipeline.report.page_template import PAGE, STYLE
from pipeline.verdict import size

# Name on the page -> stage and file; a stage may have nothing to draw.
PICTURES = {
    "data": ("data", "preview.png"),
    "augment": ("augment", "preview.png"),
    "trials": ("tune", "trials.png"),
    "train": ("train", "curves.png"),
    "distill": ("distill", "curves.png"),
    "confusion": ("evaluate", "confusion.png"),
}


def render(facts: Facts, summary: Mapping[str, Any], frontier: Path) -> str:
    """The page.

    Args:
        summary: the content of summary.json.
        frontier: the picture of the frontier.
    """
    files = {name: facts.folders[at] / file for name, (at, file) in PICTURES.items()}
    files["frontier"] = frontier
    pictures = {name: data_uri(path) for name, path in files.items() if path.is_file()}
    chosen, baseline = summary["chosen"], summary["baseline"]
    compared = {row["id"]: row for row in (baseline, chosen) if row}
    return (
        _environment()
        .from_string(PAGE)
        .render(
            **context(facts, summary),
            style=STYLE,
            compared=list(compared.values()),
            pictures=pictures,
            frontier_alt=frontier_alt(facts, summary),
        )
    )


def data_uri(path: Path) -> str:
    """A PNG file as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def frontier_alt(facts: Facts, summary: Mapping[str, Any]) -> str:
    """What the picture shows, for those who do not see it."""
    count = sum(row["accuracy"] is not None for row in facts.rows)
    parts = [f"Test accuracy against file size of {count} variants"]
    for role in ("baseline", "chosen"):
        if row := summary[role]:
            worth = f"{words.accuracy(row['accuracy'])} at {size(row['bytes_gzip'])}"
            parts.append(f"{role} {words.name(row)}: {worth}")
    return "; ".join(parts) + ". All numbers are in the table below."


def _environment() -> Environment:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= words.FILTERS
    return environment
