"""The README stays short, and its pictures and results belong to experiments here."""

from __future__ import annotations

import re

from tests.helpers.docs_pages import ROOT

README = (ROOT / "README.md").read_text()


def test_readme_is_at_most_ten_kilobytes():
    assert len(README.encode()) <= 10_000


def test_pictures_are_small_png_files():
    paths = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert len(paths) == 2
    for path in paths:
        content = (ROOT / path).read_bytes()
        assert content.startswith(b"\x89PNG") and len(content) < 150_000


def test_every_result_has_the_command_of_an_experiment():
    table = README[README.index("## Results") : README.index("## What it does not do")]
    rows = [line for line in table.splitlines() if line.startswith("| ")][1:]
    names = [re.match(r"\| `make all EXP=(\w+)` \|", row)[1] for row in rows]
    experiments = {
        path.parent.name for path in ROOT.glob("experiments/*/experiment.yaml")
    }
    assert set(names) == experiments - {"smoke"} and len(names) == len(set(names))


def test_examples_of_the_readme_have_about_ten_lines():
    yaml = re.search(r"```yaml\n(.*?)```", README, re.DOTALL)[1]
    python = re.search(r"```python\n(.*?)```", README, re.DOTALL)[1]
    assert len(yaml.splitlines()) <= 12 and len(python.splitlines()) <= 12
