"""ledger.json: accuracy and size after each step, from the float baseline on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pipeline.compress.selection.pareto_table import BASELINE
from pipeline.compress.search import Made

Line = dict[str, Any]


def document(made: Sequence[Made]) -> dict[str, list[Line]]:
    """Variant -> its lines: the baseline, the source where it is another, each step."""
    floats = {each.variant.id: each.ledger for each in made if each.ledger}
    return {
        each.variant.id: [*_begin(each, floats), *each.ledger]
        for each in made
        if each.ledger and each.variant.id not in _sources(made)
    }


def begins(source: str) -> list[str]:
    """Ids of the float files that a variant's lines begin with."""
    return list(dict.fromkeys((BASELINE, f"{source}-float")))


def _begin(each: Made, floats: dict[str, tuple[Line, ...]]) -> list[Line]:
    lines = []
    for name in begins(each.variant.source):
        if name in floats:
            title = name.removesuffix("-float") + " | float"
            lines.append({**floats[name][-1], "step": title})
    return lines


def _sources(made: Sequence[Made]) -> set[str]:
    """The float files themselves, which have no steps."""
    return {f"{each.variant.source}-float" for each in made}
