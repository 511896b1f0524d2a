"""The generated pages of docs/ are current, and complete."""

from __future__ import annotations

import pytest

from pipeline.augment.grammar import GRAMMAR as POLICY
from pipeline.compress.grammar import GRAMMAR as RECIPE
from pipeline.models.catalogue import BUILDER_MODULES, PRESETS
from tests.helpers.cases import chosen
from tools import docs_pages, model_tables

PAGES = docs_pages.pages()


@pytest.mark.parametrize("page", chosen(PAGES, PAGES.keys() - {"models.md"}))
def test_page_is_current(page: str):
    text = (docs_pages.DOCS / page).read_text()
    assert PAGES[page]() == text, "out of date; run: make reference"


def test_every_family_and_preset_has_an_input():
    assert set(model_tables.INPUTS) == set(BUILDER_MODULES) - {model_tables.UNBUILT}
    presets = {f"{family}:{p}" for family, names in PRESETS.items() for p in names}
    assert set(model_tables.PRESET_INPUTS) == presets


@pytest.mark.parametrize(
    ("page", "grammar"), [("policies.md", POLICY), ("recipes.md", RECIPE)]
)
def test_every_step_has_a_row(page: str, grammar: dict):
    text = (docs_pages.DOCS / page).read_text()
    assert [step for step in grammar if f"\n| `{step}` | " not in text] == []


def test_every_verb_has_a_section():
    text = (docs_pages.DOCS / "cli.md").read_text()
    for verb in ("run", "status", "show", "compress-file", "predict", "reproduce"):
        assert f"\n## `{verb}`\n" in text


def test_cell_with_a_pipe_stays_one_cell():
    assert docs_pages.code("a | b") == "<code>a &#124; b</code>"
    assert docs_pages.table(("a",), [("x | y",)]).splitlines()[2] == "| x &#124; y |"


def test_check_names_outdated_pages_and_writes_nothing(monkeypatch, capsys):
    monkeypatch.setattr(docs_pages, "outdated", lambda: {"cli.md": "new"})
    before = (docs_pages.DOCS / "cli.md").read_text()
    assert docs_pages.main(["--check"]) == 1
    assert capsys.readouterr().out == "docs/cli.md\n"
    assert (docs_pages.DOCS / "cli.md").read_text() == before
