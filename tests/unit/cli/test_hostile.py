"""Paths and streams that a newcomer's attack tried: an answer or one sentence each."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from pipeline.cli.commands import debug
from pipeline.cli.main import main
from pipeline.compress.import_model.archive import check_archive
from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file, hash_folder
from pipeline.core.json_io import read_json
from pipeline.core.wording import repeated
from pipeline.data.folders import files_below
from pipeline.data.paths import listed_images
from pipeline.experiment import yaml_positions
from pipeline.models import referenced_files
from pipeline.tune.params import TuneParams
from pipeline.tune.sources import warm_source

ENDLESS = "/proc/kmsg"  # a regular file by its mode, whose reading waits
GOOD = "data: {source: 'sklearn:digits'}\n"

pytestmark = pytest.mark.skipif(not os.path.exists(ENDLESS), reason="needs Linux")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The experiment `e` in the working directory."""
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "experiments" / "e"
    folder.mkdir(parents=True)
    (folder / "experiment.yaml").write_text(GOOD)
    return folder


def test_the_plan_does_not_wait_for_a_file_that_never_ends():
    assert referenced_files.hash_files([ENDLESS]) == {ENDLESS: None}
    assert warm_source(TuneParams(warm_start=ENDLESS)) == {ENDLESS: None}
    assert listed_images(Path(ENDLESS)) == []


def test_a_model_file_that_never_ends_is_refused(capsys):
    assert main(["inspect", ENDLESS]) == 2
    assert ENDLESS in capsys.readouterr().err
    with pytest.raises(UserError, match=ENDLESS):
        check_archive(Path(ENDLESS))


def test_a_published_file_that_never_ends_counts_as_missing(tmp_path):
    (tmp_path / "log.txt").symlink_to(ENDLESS)
    assert hash_folder(tmp_path) == {}
    with pytest.raises(UserError, match="must be a regular file"):
        hash_file(tmp_path / "log.txt")
    with pytest.raises(UserError, match="not a regular file"):
        read_json(tmp_path / "log.txt")


@pytest.mark.parametrize(
    ("place", "reason"),
    [(ENDLESS, "must be a regular file"), (None, "at most 1,000,000 are read")],
)
def test_an_experiment_file_is_bounded(folder, capsys, place, reason):
    path = folder / "experiment.yaml"
    path.unlink()
    if place:
        path.symlink_to(place)
    else:
        with path.open("wb") as file:
            file.truncate(3_000_000_000)
    assert main(["status", "e"]) == 2
    assert reason in capsys.readouterr().err


def test_many_class_names_are_checked_in_linear_time():
    names = [f"class {number}" for number in range(50_000)]
    assert repeated([*names, "class 7"]) == ["class 7"]


@pytest.mark.parametrize("link", [True, False])
def test_debug_writes_nothing_outside_the_folder(folder, tmp_path, link):
    outside = tmp_path / "outside"
    outside.mkdir()
    if link:
        (folder / "debug").symlink_to(outside)
    name = "int8" if link else "../../../outside/int8"
    with pytest.raises((UserError, ValueError)):
        debug._write(folder, {"variant": name})
    assert list(outside.iterdir()) == []


def test_a_folder_that_changes_while_it_is_listed_is_named(tmp_path, monkeypatch):
    def vanished(self, pattern):
        raise FileNotFoundError(2, "No such file or directory", "x")

    monkeypatch.setattr(type(tmp_path), "rglob", vanished)
    with pytest.raises(UserError, match="cannot be listed"):
        files_below(tmp_path, {".png"})


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
def test_a_full_standard_output_is_named(folder, capsys, monkeypatch):
    with open("/dev/full", "w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stdout", full)
        assert main(["show", "e", "config"]) == 2
        monkeypatch.undo()
        os.dup2(os.open(os.devnull, os.O_WRONLY), full.fileno())
    assert "standard output: no space is left" in capsys.readouterr().err


def test_a_closed_standard_output_is_no_error(folder, capsys, monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)
    assert main(["show", "e", "config"]) == 0
    assert main(["status", "nothing"]) == 2
    assert "no such experiment" in capsys.readouterr().err


def test_an_experiment_file_of_a_common_size_is_read(folder):
    path = folder / "experiment.yaml"
    assert yaml_positions.read_text(path) == GOOD
