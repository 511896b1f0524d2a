"""report: the result and how it came about, for people and for programs.

In: the folders of all stages. Out: index.html with plotly.min.js, model_card.md,
frontier.png, summary.json.
Run: python -m pipeline run report --exp digits
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.core.json_io import write_json
from pipeline.engine.stage import Inputs
from pipeline.report import formatting, frontier_plot, model_card, page
from pipeline.report.experiment_data import ExperimentData, read_experiment
from pipeline.report.params import ReportParams
from pipeline.report.plotly_script import copy_plotly
from pipeline.report.summary import summarize


def run(params: ReportParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Read all stages once and write every file of the report.

    Args:
        params: section `report` of the experiment.
        inputs: folders of the published stages.
        out: folder for the files.

    Returns:
        `headline` and `variants` (a count) for metrics.json.
    """
    experiment = read_experiment(inputs.folders, params.title)
    summary = summarize(experiment, inputs.overrides)
    write_json(out / "summary.json", summary)
    plot = out / "frontier.png"
    title = (
        f"{experiment.title}: test {experiment.score.name} and size of every variant"
    )
    frontier_plot.draw(plot, experiment.rows, experiment.pareto, title)
    html = page.render(experiment, summary, plot)
    (out / "index.html").write_text(html, encoding="utf-8")
    copy_plotly(out)
    card = model_card.render(experiment, summary)
    (out / "model_card.md").write_text(card, encoding="utf-8")
    return {
        "headline": _headline(summary, experiment),
        "variants": len(experiment.rows),
    }


def _headline(summary: dict[str, Any], experiment: ExperimentData) -> str:
    row = summary["chosen"]
    if row is None:
        return "no file meets the budget"
    size, ratio = formatting.size(row[experiment.size_key]), row["ratio"]
    return f"{size} {experiment.size_metric}, {formatting.ratio(ratio)} smaller"
