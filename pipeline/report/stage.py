"""report: the verdict, and everything that led to it, for people and for programs.

In: the folders of all stages. Out: index.html with plotly.min.js, model_card.md,
frontier.png, summary.json.
Run: python -m pipeline run report --exp digits
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.core.json_io import write_json
from pipeline.engine.stage import Inputs
from pipeline.report import card, frontier, page, words
from pipeline.report.facts import read_facts
from pipeline.report.library import copy_library
from pipeline.report.params import ReportParams
from pipeline.report.summary import summarize
from pipeline.verdict import size


def run(params: ReportParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Read everything once, then write it four ways."""
    facts = read_facts(inputs.folders, params.title)
    summary = summarize(facts, inputs.overrides)
    write_json(out / "summary.json", summary)
    picture = out / "frontier.png"
    title = f"{facts.title}: {facts.score.name} and size of every variant"
    frontier.draw(picture, facts.rows, facts.pareto, title)
    html = page.render(facts, summary, picture)
    (out / "index.html").write_text(html, encoding="utf-8")
    copy_library(out)
    (out / "model_card.md").write_text(card.render(facts, summary), encoding="utf-8")
    return {"headline": _headline(summary), "variants": len(facts.rows)}


def _headline(summary: dict[str, Any]) -> str:
    row = summary["chosen"]
    if row is None:
        return "no file meets the budget"
    return f"{size(row['bytes_gzip'])} gzip, {words.ratio(row['ratio'])} smaller"
