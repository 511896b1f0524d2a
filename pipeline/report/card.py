"""model_card.md: what the chosen file is, what it is worth, how it is fed.

After M. Mitchell et al., Model Cards for Model Reporting, 2019. In: Facts and
summary.json's content. Out: Markdown, in which all values are escaped.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from jinja2 import DictLoader, Environment, StrictUndefined

from pipeline.report import charts, words
from pipeline.report.card_template import CARD
from pipeline.report.context import context
from pipeline.report.facts import Facts
from pipeline.tasks.report import report_of

# What Markdown reads as its own, whether it is HTML, a table, a link or a formula.
MARKS = re.compile(r"([\\`*\[\]<>|&~$])")


def render(facts: Facts, summary: Mapping[str, Any]) -> str:
    """The model card.

    Args:
        summary: the content of summary.json.
    """
    chosen = summary["chosen"]
    return (
        _environment(report_of(facts.spec.task).card)
        .from_string(CARD)
        .render(
            **context(facts, summary),
            model=facts.models[chosen["source"]] if chosen else None,
            pairs=_pairs,
            counts=_counts,
            measured=[row for row in facts.rows if "mcnemar" in row],
            corrupted=f"corrupted_{facts.score.key}",
            ledger=_ledger(facts, chosen),
        )
    )


def escape(value: Any) -> Any:
    """A value that Markdown shows as it is, on one line."""
    if not isinstance(value, str):
        return value
    return MARKS.sub(r"\\\1", re.sub(r"\s+", " ", value))


def _environment(parts: Mapping[str, str]) -> Environment:
    # `finalize` meets every value, so that none can be forgotten.
    environment = Environment(
        finalize=escape,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        loader=DictLoader(dict(parts)),
    )
    environment.filters |= words.FILTERS
    return environment


def _ledger(facts: Facts, chosen: Mapping[str, Any] | None) -> Any:
    """The steps of the chosen file; None where there are none."""
    found = charts.ledger(facts)
    rows = found["variants"] if found and chosen else []
    return next((row for row in rows if row["id"] == chosen["id"]), None)


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in values.items())


def _counts(values: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {name}" for name, count in values.items())
