"""index.html: the result and how it came about, on one page that needs no network.

In: ExperimentData, the content of summary.json, the frontier plot. Out: the text of
the page. All values from data are escaped. plotly.min.js must lie beside the page.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from pipeline.core.wording import quantity
from pipeline.report import chart_data, formatting, plotly_script
from pipeline.report.experiment_data import ExperimentData
from pipeline.report.frontier_chart import metric_axes, size_axes
from pipeline.report.memory_chart import memory_chart
from pipeline.report.rendering import html_template, page_script, static_text
from pipeline.report.sections import all_sections, navigation
from pipeline.report.security_policy import security_policy
from pipeline.report.template_context import context
from pipeline.tasks.report import report_of

# Name on the page -> stage and file; a stage may publish no such file.
PICTURES = {
    "data": ("data", "preview.png"),
    "augment": ("augment", "preview.png"),
    "train": ("train", "curves.png"),
    "distill": ("distill", "curves.png"),
    "confusion": ("evaluate", "confusion.png"),
}


def render(
    experiment: ExperimentData, summary: Mapping[str, Any], frontier: Path
) -> str:
    """Render the page.

    Args:
        experiment: the published experiment.
        summary: content of summary.json.
        frontier: PNG file of the frontier plot.
    """
    rows, script = chart_data.compared(summary), page_script()
    task = report_of(experiment.spec.task)
    sections = all_sections(experiment.spec.task)
    return html_template("page.html.j2", task.templates).render(
        **context(experiment, summary),
        style=static_text("page.css"),
        script=script,
        plotly=plotly_script.NAME,
        policy=policy(script),
        sections=sections,
        navigation=navigation(sections),
        charts=chart_data.charts(experiment, summary).to_json(),
        memory=memory_chart(experiment, summary),
        compared=rows,
        compared_file=rows[-1],
        pictures=pictures(experiment, frontier),
        frontier_alt=frontier_alt(experiment, summary),
        tiles=tiles(experiment),
        size_axes=size_axes(experiment),
        metric_axes=metric_axes(experiment),
        curve_columns=curve_columns(experiment),
    )


def pictures(experiment: ExperimentData, frontier: Path) -> dict[str, str]:
    """Return the pictures that exist, as data URIs by their name on the page."""
    files = {
        name: experiment.folders[stage] / file
        for name, (stage, file) in PICTURES.items()
    }
    for name, file in report_of(experiment.spec.task).pictures.items():
        files[name] = experiment.folders["evaluate"] / file
    files["frontier"] = frontier
    return {name: data_uri(path) for name, path in files.items() if path.is_file()}


def policy(script: str) -> str:
    """Return the page's Content-Security-Policy: this script, Plotly, nothing else.

    Args:
        script: the page's own script, between the line breaks that enclose it.
    """
    return security_policy(script, scripts="'self' file:", images="data:")


def data_uri(path: Path) -> str:
    """Return the content of a PNG file as a data URI."""
    return _uri(path.read_bytes())


def tiles(experiment: ExperimentData) -> list[str]:
    """Cut flips.png into one data URI per example; empty if there is no picture."""
    path, flips = (
        experiment.folders["evaluate"] / "flips.png",
        experiment.optional.flips,
    )
    if not flips or not flips.get("tile") or not path.is_file():
        return []
    side = flips["tile"]
    with Image.open(path) as picture:
        boxes = (
            (index * side, 0, (index + 1) * side, side)
            for index in range(len(flips["examples"]))
        )
        return [_uri(_png(picture.crop(box))) for box in boxes]


def frontier_alt(experiment: ExperimentData, summary: Mapping[str, Any]) -> str:
    """Describe the frontier plot for readers who cannot see it."""
    score = experiment.score
    count = sum(row[score.key] is not None for row in experiment.rows)
    phrases = [f"Test {score.name} against file size of {quantity(count, 'variant')}"]
    for role in ("baseline", "chosen"):
        if row := summary[role]:
            size = formatting.size(row[experiment.size_key])
            size = f"{size} {experiment.size_metric}"
            value = f"{formatting.accuracy(row[score.key])} at {size}"
            phrases.append(f"{role} {formatting.name(row)}: {value}")
    return "; ".join(phrases) + ". All numbers are in the table below."


def curve_columns(experiment: ExperimentData) -> list[str]:
    """Return the columns of the learning curves: metric and loss first."""
    histories = experiment.histories.values()
    names = {name.removeprefix("val_") for columns in histories for name in columns}
    names -= {"epoch"}
    first = [name for name in (experiment.score.key, "loss") if name in names]
    return [*first, *sorted(names - {*first})]


def _png(picture: Image.Image) -> bytes:
    buffer = io.BytesIO()
    picture.save(buffer, format="PNG", optimize=True)
    return buffer.getvalue()


def _uri(content: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(content).decode()
