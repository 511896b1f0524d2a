"""docs/reproducibility.md holds the rules that the code applies."""

from __future__ import annotations

import html
import re

from pipeline.reproduce.tolerance import DEFAULT, RULES, Rule
from tests.helpers.project import ROOT

PAGE = ROOT / "docs" / "reproducibility.md"
HEAD = "| metric | rule | reason |\n|---|---|---|\n"


def readable(pattern: str) -> str:
    """A regular expression as `data.{a,b}.*`, with N for the position in a list."""
    text = pattern.replace(r"\..+", ".*")
    text = text.replace("{metric}", "METRIC").replace(r"\.\d+", ".N")
    text = text.replace("(.N)?", "[.N]").replace(r"\.", ".")
    text = text.replace(r"(\w+_)?", "[NAME_]").replace(r"(.\w+)?", "[.NAME]")
    text = re.sub(r"\\w\+", "*", text)
    while (shorter := re.sub(r"\(([^()]*)\)", _alternatives, text)) != text:
        text = shorter
    return html.escape(text)


def _alternatives(match: re.Match[str]) -> str:
    return "{" + match.group(1).replace("|", ",") + "}"


def line(rule: Rule) -> str:
    only = f", only where `{rule.choice}` is equal" if rule.choice else ""
    return f"| `{readable(rule.pattern)}` | {rule.kind}{only} | {rule.reason} |\n"


def test_the_table_of_rules_is_that_of_the_module():
    expected = HEAD + "".join(map(line, RULES))
    assert expected in PAGE.read_text(), f"paste into {PAGE.name}:\n{expected}"


def test_the_default_tolerance_is_that_of_the_module():
    text = PAGE.read_text()
    for name, amount in DEFAULT.items():
        assert f"| `{name}` | {amount:g} |" in text


def test_no_pattern_shows_regular_expressions():
    assert not [line(r) for r in RULES if set(r"\()^$?") & set(readable(r.pattern))]
