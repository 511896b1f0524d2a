"""A stage's working folder outlives a crash, and no publication."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest

from pipeline.core.errors import StageFailed, UserError
from pipeline.engine.runner import Runner
from pipeline.engine.scratch import scratch_folder
from pipeline.engine.stage import Inputs
from pipeline.engine.terminal import Terminal
from tests.engine.conftest import job_of


def folders(toy) -> list[str]:
    return sorted(path.name for path in toy.folder.glob(".scratch/*"))


def test_it_is_there_after_a_crash_and_gone_after_publishing(toy):
    toy.one["trouble"] = "scratch"
    with pytest.raises(StageFailed, match="SIGKILL"):
        toy.run("one")
    (name,) = folders(toy)
    assert name.startswith("one-") and len(name) == len("one-") + 12
    assert (toy.folder / ".scratch" / name / "note.txt").read_text() == "half"
    assert "done" in toy.run("one")
    assert not (toy.folder / ".scratch").exists()


def test_publishing_removes_those_of_earlier_fingerprints_of_this_stage_only(toy):
    for stage in ("one", "two"):
        (scratch_folder(toy.folder, stage, "0123456789abcdef") / "old").touch()
    toy.run("one")
    assert folders(toy) == ["two-0123456789ab"]


def test_another_question_has_another_folder(toy):
    toy.one["trouble"] = "scratch"
    for text in ("this", "that"):
        toy.one["text"] = text
        with pytest.raises(StageFailed):
            toy.run("one")
    assert len(folders(toy)) == 2


def choosing(toy, text: str) -> None:
    """Run stage `one`, whose `text` only chooses; it dies unless there is a note."""
    job = job_of(toy.folder, {"trouble": "scratch", "text": text}, {})
    job = replace(job, chain=(replace(job.chain[0], chooses=("text",)),))
    Runner(job, toy.code(), Terminal(io.StringIO())).bring_up_to_date(("one",))


def test_where_it_is_chosen_from_it_stays_and_another_choice_finds_it(toy):
    with pytest.raises(StageFailed, match="SIGKILL"):
        choosing(toy, "this")
    choosing(toy, "this")
    (name,) = folders(toy)
    choosing(toy, "that")  # would die without the note
    assert folders(toy) == [name] and "THAT" in toy.read("one").upper()


def test_force_begins_afresh(toy):
    toy.one["trouble"] = "scratch"
    for _ in range(2):
        with pytest.raises(StageFailed):
            toy.run("one", force=True)


def test_an_empty_one_leaves_nothing_behind(toy):
    toy.one["trouble"] = "user"
    with pytest.raises(UserError, match="nonsense"):
        toy.run("one")
    assert not (toy.folder / ".scratch").exists()


def test_outside_the_engine_there_is_one_too():
    assert Inputs({}, 1).scratch.is_dir()
