"""What the README lists is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.augment.grammar import GRAMMAR as POLICY
from pipeline.cli import STAGES
from pipeline.compress.grammar import GRAMMAR as RECIPE
from pipeline.config import load_experiment

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("grammar", [POLICY, RECIPE], ids=["policy", "recipe"])
def test_every_step_stands_in_a_table_with_its_arguments_and_summary(grammar):
    for name, signature in grammar.items():
        arguments = ", ".join(argument.name for argument in signature.params)
        call = f"{name}({arguments})" if arguments else name
        assert f"| `{call}` | {signature.summary} |" in README


def test_the_experiment_file_that_it_shows_is_valid(tmp_path):
    (text,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    (tmp_path / "experiment.yaml").write_text(text)
    assert load_experiment(tmp_path).data.source == "sklearn:digits"


def test_every_stage_has_its_row():
    for name in STAGES:
        assert f"| `make {name}` |" in README


def test_every_make_target_that_it_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z-]+)", README)) <= targets


def test_the_picture_is_there():
    (path,) = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert (ROOT / path).read_bytes().startswith(b"\x89PNG")
