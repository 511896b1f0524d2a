"""A stage's working folder outlives a crash, and no publication."""

from __future__ import annotations

import pytest

from pipeline.engine.errors import StageFailed, UserError
from pipeline.engine.scratch import scratch_folder
from pipeline.engine.stage import Inputs


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
