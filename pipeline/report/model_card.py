"""model_card.md: the chosen file, its quality, and the code that runs it.

After M. Mitchell et al., Model Cards for Model Reporting, 2019. In: ExperimentData and
the content of summary.json. Out: Markdown in which all values are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from pipeline.report import chart_data
from pipeline.report.chart_data import LedgerVariant
from pipeline.report.experiment_data import ExperimentData, Row
from pipeline.report.rendering import markdown_template
from pipeline.report.template_context import context
from pipeline.tasks.report import report_of

# Characters with a meaning in Markdown: HTML, tables, links, formulas.
MARKS = re.compile(r"([\\`*\[\]<>|&~$])")


def render(experiment: ExperimentData, summary: Mapping[str, Any]) -> str:
    """Render the card.

    Args:
        experiment: the published experiment.
        summary: content of summary.json.
    """
    chosen = summary["chosen"]
    task = report_of(experiment.spec.task)
    template = markdown_template("card.md.j2", task.templates, escape)
    text = template.render(
        **context(experiment, summary),
        model=experiment.models[chosen["source"]] if chosen else None,
        pairs=_pairs,
        counts=_counts,
        ledger=_ledger(experiment, chosen),
    )
    return text + "\n"


def escape(value: Any) -> Any:
    """Return a text that Markdown prints literally, on one line.

    Args:
        value: any value of a template; only text is changed.
    """
    if not isinstance(value, str):
        return value
    return MARKS.sub(r"\\\1", re.sub(r"\s+", " ", value))


def _ledger(experiment: ExperimentData, chosen: Row | None) -> LedgerVariant | None:
    """The ledger of the chosen file, if it has one."""
    chart = chart_data.ledger(experiment)
    if chart is None or chosen is None:
        return None
    return next((v for v in chart.variants if v.id == chosen["id"]), None)


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _counts(values: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in values.items())
