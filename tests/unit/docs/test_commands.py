"""Commands, keys and experiment files in the documentation are valid."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.cli.main import build_parser
from pipeline.experiment.loader import read_experiment
from pipeline.experiment.overrides import split_sets
from pipeline.experiment.stages import STAGES
from tests.helpers.docs_pages import EXAMPLE, PAGES, ROOT, command_lines, fenced, name

MAKEFILE = (ROOT / "Makefile").read_text()
TARGETS = {*re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE), *STAGES}
KIT = ROOT / "pipeline" / "compress" / "kit" / "templates" / "Makefile.j2"
SCRIPT = [
    (page, words) for page in PAGES for words in command_lines(page, "keras-frontier")
]
MAKE = [(page, words) for page in PAGES for words in command_lines(page, "make")]
YAML = [(page, text) for page in PAGES for text in fenced(page, "yaml")]


def label(value: object) -> str:
    """Name of a test case."""
    if isinstance(value, Path):
        return value.stem
    return " ".join(value) if isinstance(value, list) else "yaml"


@pytest.mark.parametrize(("page", "words"), SCRIPT, ids=label)
def test_command_is_accepted_by_the_parser(page: Path, words: list[str]):
    assert build_parser().parse_args(words).verb == words[0]


@pytest.mark.parametrize(("page", "words"), MAKE, ids=label)
def test_make_command_has_a_target_and_valid_overrides(page: Path, words: list[str]):
    if words[:2] == ["-C", "kit"]:  # a Makefile of its own, which the stage writes
        kit = set(re.findall(r"^([a-z-]+):", KIT.read_text(), re.MULTILINE))
        assert {word for word in words[2:] if "=" not in word} <= kit
        return
    assert words[0] in TARGETS
    variables = dict(word.split("=", 1) for word in words[1:] if "=" in word)
    folder = ROOT / "experiments" / variables.get("EXP", "digits")
    if folder.is_dir():
        read_experiment(folder, split_sets(variables.get("SET", "")))
    else:
        assert variables["EXP"] == "NAME"


def test_make_targets_in_the_text_exist():
    named = {
        (name(page), target)
        for page in PAGES
        for target in re.findall(r"`make ([a-z-]+)", page.read_text())
    }
    assert [item for item in sorted(named) if item[1] not in TARGETS] == []


@pytest.mark.parametrize(("page", "text"), YAML, ids=label)
def test_experiment_file_is_valid(page: Path, text: str, tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for module in ("my_models",):
        builder = dict(EXAMPLE.findall((ROOT / "docs/adding.md").read_text()))[
            "builder"
        ]
        Path(f"{module}.py").write_text(builder)
    (tmp_path / "experiment.yaml").write_text(text)
    assert read_experiment(tmp_path).data.source


def test_every_stage_has_a_page_with_its_command():
    for stage in STAGES:
        text = (ROOT / "docs" / f"stage-{stage}.md").read_text()
        assert text.startswith(f"# {stage}\n")
        assert f"    make {stage} " in text
        assert f"keras-frontier run {stage}\n" in text
