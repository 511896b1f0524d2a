"""Recipes that a cheaper beginning of theirs beats."""

from __future__ import annotations

import pytest

from pipeline.compress.selection.cheaper import beaten_by
from pipeline.compress.selection.point import VariantRow
from pipeline.report.variant_text import remarks
from pipeline.tasks.registry import get

ACCURACY = get("classification").metric


def row(recipe: str, accuracy: float | None, source: str = "baseline") -> VariantRow:
    status = "failed" if accuracy is None else "ok"
    metrics = {"accuracy": accuracy}
    return VariantRow(recipe, source, recipe, status=status, metrics=metrics)


@pytest.mark.parametrize(
    ("recipe", "others", "expected"),
    [
        ("qat", [row("int8", 0.9)], "int8"),
        ("prune(0.6) | pqat", [row("prune(0.6) | int8", 0.9)], "prune(0.6) | int8"),
        ("prune(0.6) | pqat", [row("int8", 0.8), row("prune(0.6) | int8", 0.9)], None),
        ("qat", [row("int8", 0.685)], ""),  # within a point
        ("qat", [row("int8", 0.9, "student")], ""),
        ("qat", [row("int8", None)], ""),
        ("qat", [row("float", 0.9)], ""),  # another kind of file
        ("prune(0.6) | pqat", [row("prune(0.5) | int8", 0.9)], ""),
    ],
)
def test_a_recipe_names_the_beginning_that_beats_it(recipe, others, expected):
    expected = "prune(0.6) | int8" if expected is None else expected
    own = row(recipe, 0.68)
    assert beaten_by(own, [own, *others], ACCURACY) == expected


def test_the_remark_is_in_terminal_and_page():
    (text,) = remarks({"beaten_by": "int8", "left_out": ["qat: rnn (LSTM)"]})
    assert text == "beaten by int8, which needs less fine-tuning"
    lines = remarks({"left_out": ["int8: ELU, computed in float: no integer kernel"]})
    assert lines == ["int8: ELU, computed in float: no integer kernel"]
