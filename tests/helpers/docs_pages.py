"""The Markdown files that users read, and the commands, links and examples in them."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.project import ROOT

TOP = ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")
PAGES = [ROOT / name for name in TOP] + sorted((ROOT / "docs").glob("*.md"))
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#{1,6} (.+)$", re.MULTILINE)
EXAMPLE = re.compile(r"<!-- example: ([\w ]+) -->\n```python\n(.*?)^```", re.M | re.S)


def name(page: Path) -> str:
    """Path of a page in the repository."""
    return str(page.relative_to(ROOT))


def without_fences(page: Path) -> str:
    """Text of a page without its fenced code."""
    return FENCE.sub("", page.read_text())


def fenced(page: Path, language: str) -> list[str]:
    """The fenced code of one language."""
    return [code for kind, code in FENCE.findall(page.read_text()) if kind == language]


def command_lines(page: Path, program: str) -> Iterator[list[str]]:
    """Arguments of each indented command line that starts with `program`."""
    text = page.read_text().replace("\\\n", " ")
    for line in re.findall(rf"^    {program} (.*)$", text, re.MULTILINE):
        if "[arguments]" not in line and "[--" not in line:
            yield shlex.split(line, comments=True)


def anchors(page: Path) -> set[str]:
    """Anchors of the headings, as Markdown renderers make them."""
    return {slug(heading) for heading in HEADING.findall(without_fences(page))}


def slug(heading: str) -> str:
    """`What it does not do` -> `what-it-does-not-do`."""
    text = re.sub(r"[^\w\s-]", "", heading).strip().lower()
    return re.sub(r"[-\s]+", "-", text)
