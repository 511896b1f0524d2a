"""Links, files and folders in the place of what the engine writes.

An experiment that git or tar brought may hold them. Nothing outside is touched.
"""

from __future__ import annotations

import os

import pytest

from pipeline.cli.main import main
from pipeline.core.errors import UserError
from pipeline.engine.lock import experiment_lock
from pipeline.engine.publish import partial_folder, publish, recover
from pipeline.engine.scratch import drop_scratch, scratch_folder
from pipeline.experiment.stages import STAGES
from pipeline.reproduce.rerun import _copy_entry
from pipeline.tracking.tensorboard_logs import write_logs

HIDDEN = [".{}.partial", ".{}.old", ".{}.failed.log", ".{}.anything"]


def tree(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_text() if path.is_file() else ""
        for path in folder.rglob("*")
    }


@pytest.fixture
def outside(tmp_path):
    """A folder that links lead to; it must stay as it was."""
    folder = tmp_path / "outside"
    for stage in STAGES:
        (folder / f"{stage}-0123456789ab").mkdir(parents=True)
        (folder / f"{stage}-0123456789ab" / "precious.txt").write_text("precious")
        (folder / stage).mkdir()
        (folder / stage / "precious.txt").write_text("precious")
    (folder / "precious.txt").write_text("precious")
    before = tree(folder)
    yield folder
    assert tree(folder) == before


@pytest.fixture
def folder(tmp_path):
    """The folder of an experiment without results."""
    path = tmp_path / "experiments" / "small"
    path.mkdir(parents=True)
    (path / "experiment.yaml").write_text("data: {source: 'sklearn:digits'}\n")
    return path


def command(folder, *words):
    return main([*words, "--exp", folder.name, "--root", str(folder.parent)])


def test_run_refuses_a_scratch_folder_that_is_a_link(folder, outside, capsys):
    (folder / ".scratch").symlink_to(outside)
    assert command(folder, "run", "data") == 2
    assert ".scratch: is a symbolic link" in capsys.readouterr().err
    for call in (scratch_folder, drop_scratch):
        with pytest.raises(UserError, match="is a symbolic link"):
            call(folder, "data", "f" * 64)


def test_clean_removes_links_of_every_name_as_links(folder, outside, capsys):
    names = [pattern.format(stage) for stage in STAGES for pattern in HIDDEN]
    names += [*STAGES, ".scratch", "tensorboard", ".code.json", ".lock"]
    for name in names:
        (folder / name).symlink_to(outside)
    assert command(folder, "clean") == 0, capsys.readouterr().err
    print(f"{len(names)} links removed as links")
    assert sorted(os.listdir(folder)) == [".lock", "experiment.yaml"]
    assert not (folder / ".lock").is_symlink()


def test_clean_removes_files_in_the_place_of_folders(folder):
    names = [pattern.format(stage) for stage in STAGES for pattern in HIDDEN]
    for name in [*names, *STAGES, "tensorboard"]:
        (folder / name).write_text("a file")
    assert command(folder, "clean") == 0
    assert sorted(os.listdir(folder)) == [".lock", "experiment.yaml"]


def test_the_lock_is_written_in_the_place_of_a_link(folder, outside):
    (folder / ".lock").symlink_to(outside / "precious.txt")
    with experiment_lock(folder):
        assert (folder / ".lock").read_text() == str(os.getpid())


@pytest.mark.parametrize("kind", ["file", "link", "link to a file", "pipe", "folder"])
def test_a_stage_is_published_whatever_has_its_names(folder, outside, kind):
    for name in (".data.partial", ".data.old", "data"):
        path = folder / name
        match kind:
            case "file":
                path.write_text("a file")
            case "link":
                path.symlink_to(outside)
            case "link to a file":
                path.symlink_to(outside / "precious.txt")
            case "pipe":
                os.mkfifo(path)
            case "folder":
                path.mkdir()
                (path / "link").symlink_to(outside)
    recover(folder, "data")
    partial = partial_folder(folder, "data")
    (partial / "a.txt").write_text("result")
    (partial / "link").symlink_to(outside)  # made by a stage: not followed by fsync
    publish(partial, folder, "data")
    recover(folder, "data")
    assert (folder / "data" / "a.txt").read_text() == "result"
    assert sorted(os.listdir(folder)) == ["data", "experiment.yaml"]


@pytest.mark.parametrize("kind", ["link", "pipe", "link to a folder", "itself"])
def test_a_working_folder_that_no_stage_wrote_is_replaced(folder, outside, kind):
    path = scratch_folder(folder, "data", "0123456789ab")
    (path / "kept.txt").write_text("note")
    assert (scratch_folder(folder, "data", path.name[-12:]) / "kept.txt").exists()
    match kind:
        case "link":
            (path / "trials.jsonl").symlink_to(outside / "precious.txt")
        case "pipe":
            os.mkfifo(path / "pipe")
        case "link to a folder":
            (path / "models").symlink_to(outside)
        case "itself":
            (path / "kept.txt").unlink()
            path.rmdir()
            path.symlink_to(outside)
    fresh = scratch_folder(folder, "data", "0123456789ab")
    assert fresh == path and list(fresh.iterdir()) == [] and not path.is_symlink()


def test_tensorboard_logs_are_written_in_the_place_of_a_link(folder, outside):
    (folder / "tensorboard").symlink_to(outside)
    assert write_logs(folder, STAGES) == []
    assert not (folder / "tensorboard").exists()


def test_new_writes_no_file_through_a_link(tmp_path, monkeypatch, outside, capsys):
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "experiments" / "mine"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").symlink_to(outside / "absent")
    assert main(["new", "mine", "--source", "sklearn:digits"]) == 2
    assert "already exists" in capsys.readouterr().err
    (folder / "experiment.yaml").unlink()
    (folder / ".gitignore").symlink_to(outside / "precious.txt")
    assert main(["new", "mine", "--source", "sklearn:digits"]) == 0


def test_a_copy_for_reproduce_keeps_links_and_leaves_out_pipes(tmp_path, outside):
    (tmp_path / "a" / "deep").mkdir(parents=True)
    (tmp_path / "a" / "deep" / "link").symlink_to("../../outside")
    (tmp_path / "a" / "deep" / "file").write_text("x")
    os.mkfifo(tmp_path / "a" / "pipe")
    _copy_entry(tmp_path / "a", tmp_path / "b")
    assert (tmp_path / "b" / "deep" / "link").resolve() == outside.resolve()
    assert sorted(os.listdir(tmp_path / "b")) == ["deep"]
    assert (tmp_path / "b" / "deep" / "file").read_text() == "x"
