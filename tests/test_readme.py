"""What the README lists is what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from pipeline.augment.grammar import GRAMMAR as POLICY
from pipeline.compress.grammar import GRAMMAR as RECIPE
from pipeline.engine.file_types import STABLE
from pipeline.experiment.loader import read_experiment
from pipeline.experiment.stages import CHAIN, STAGES
from pipeline.reproduce.snapshot import of_lock
from pipeline.reproduce.tolerance import DEFAULT

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()


@pytest.mark.parametrize("grammar", [POLICY, RECIPE], ids=["policy", "recipe"])
def test_every_step_stands_in_a_table_with_its_arguments_and_summary(grammar):
    for name, signature in grammar.items():
        arguments = ", ".join(argument.name for argument in signature.params)
        call = f"{name}({arguments})" if arguments else name
        assert f"| `{call}` | {signature.summary} |" in README


def test_the_experiment_file_that_it_shows_is_valid(tmp_path):
    text, *parts = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    for part in ("", *parts):  # the others are sections to replace
        names = [line.partition(":")[0] for line in part.splitlines() if line[0] != " "]
        kept = [s for s in re.split(r"\n(?=\w)", text) if s.split(":")[0] not in names]
        (tmp_path / "experiment.yaml").write_text("\n".join([*kept, part]))
        assert read_experiment(tmp_path).data.source == "sklearn:digits"


def test_every_stage_has_its_row():
    for name in STAGES:
        assert f"| `make {name}` |" in README


def test_every_make_target_that_it_names_exists():
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.M))
    assert set(re.findall(r"`make ([a-z-]+)", README)) <= targets


def test_the_pictures_are_there_and_not_large():
    paths = re.findall(r"!\[.*?\]\((.*?)\)", README)
    assert len(paths) == 2
    for path in paths:
        content = (ROOT / path).read_bytes()
        assert content.startswith(b"\x89PNG") and len(content) < 150_000


def test_the_tolerance_that_it_states_is_the_default():
    points, images, loss, size = (
        DEFAULT[k] for k in ("points", "images", "loss", "size")
    )
    said = (
        f"{points:g} points or {images:g} examples, losses {loss:g} %, sizes {size:g} %"
    )
    assert said in " ".join(README.split())


def test_every_kind_of_stable_file_is_in_its_table():
    for suffix in STABLE:
        assert f"`{suffix}`" in README


def test_every_volatile_file_is_in_its_table():
    for stage in CHAIN:
        for name in stage.not_content - {"params.json", "stage.json"}:
            assert f"`{name}`" in README


def test_its_proof_shows_no_fingerprint_that_the_next_change_makes_untrue():
    proof = README[README.index("## Proof") : README.index("## The code")]
    assert "xxxxxxxx" in proof and not re.findall(r"\b[0-9a-f]{8}\b", proof)


def test_the_committed_lock_of_smoke_is_whole():
    lock = of_lock(ROOT / "experiments" / "smoke" / "experiment.lock")
    assert tuple(lock.entries) == STAGES
