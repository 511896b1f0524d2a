"""The working folder of a stage survives a crash; publishing removes it."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from dataclasses import replace

import pytest

from pipeline.core.errors import StageFailed, UserError
from pipeline.engine.plan import plan
from pipeline.engine.runner import Runner
from pipeline.engine.scratch import scratch_folder
from pipeline.engine.stage import Job
from pipeline.engine.terminal import Terminal
from tests.helpers.project import ROOT
from tests.helpers.toy_chain import job_of


def folders(toy) -> list[str]:
    return sorted(path.name for path in toy.folder.glob(".scratch/*"))


def test_it_survives_a_crash_and_is_removed_by_publishing(toy):
    toy.one["trouble"] = "scratch"
    with pytest.raises(StageFailed, match="SIGKILL"):
        toy.run("one")
    (name,) = folders(toy)
    assert name.startswith("one-") and len(name) == len("one-") + 12
    assert (toy.folder / ".scratch" / name / "note.txt").read_text() == "half"
    assert "done" in toy.run("one")
    assert not (toy.folder / ".scratch").exists()


def test_publishing_removes_all_folders_of_this_stage_only(toy):
    for stage in ("one", "two"):
        (scratch_folder(toy.folder, stage, "0123456789abcdef") / "old").touch()
    toy.run("one")
    assert folders(toy) == ["two-0123456789ab"]


def test_other_parameters_have_another_folder(toy):
    toy.one["trouble"] = "scratch"
    for text in ("this", "that"):
        toy.one["text"] = text
        with pytest.raises(StageFailed):
            toy.run("one")
    assert len(folders(toy)) == 2


def choice(toy, text: str) -> Job:
    """A job of stage `one` with `text` as a selection parameter."""
    job = job_of(toy.folder, {"trouble": "scratch", "text": text}, {})
    return replace(job, chain=(replace(job.chain[0], selection_params=("text",)),))


def choosing(toy, text: str) -> None:
    """Run that job; its stage dies without a note."""
    runner = Runner(choice(toy, text), toy.code(), Terminal(io.StringIO()))
    runner.bring_up_to_date(("one",))


def test_another_selection_finds_the_same_folder(toy):
    with pytest.raises(StageFailed, match="SIGKILL"):
        choosing(toy, "this")
    for text in ("this", "that"):
        job = choice(toy, text)
        (decision,) = plan(job, job.chain, toy.code())
        assert decision.reason == "interrupted; a run resumes it"
    choosing(toy, "this")
    (name,) = folders(toy)
    choosing(toy, "that")  # would die without the note
    assert folders(toy) == [name] and "THAT" in toy.read("one").upper()


def test_force_removes_it_first(toy):
    toy.one["trouble"] = "scratch"
    for _ in range(2):
        with pytest.raises(StageFailed):
            toy.run("one", force=True)


def test_an_empty_folder_is_removed(toy):
    toy.one["trouble"] = "user"
    with pytest.raises(UserError, match="nonsense"):
        toy.run("one")
    assert not (toy.folder / ".scratch").exists()


SCRATCH = """
from pipeline.engine.stage import Inputs
folders = {Inputs({}, 1).scratch for _ in range(3)}
assert len(folders) == 3 and all(folder.is_dir() for folder in folders)
for folder in folders:
    (folder / "note.txt").touch()
"""


def test_outside_the_engine_it_is_temporary(tmp_path):
    environment = {**os.environ, "TMPDIR": str(tmp_path), "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-c", SCRATCH], env=environment, check=True)
    assert not list(tmp_path.iterdir())
