"""The meaning of recipe steps on the page."""

from __future__ import annotations

from pipeline.compress.grammar import GRAMMAR
from pipeline.report.template_context import recipe_steps


def test_every_step_has_a_meaning_without_markdown():
    meanings = recipe_steps([{"recipe": " | ".join(GRAMMAR)}, {"recipe": "int8"}])
    assert list(meanings) == list(GRAMMAR)
    assert all(meanings.values())
    assert not [text for text in meanings.values() if "`" in text]
