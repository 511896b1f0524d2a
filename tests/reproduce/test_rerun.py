"""An experiment in another place: the same question, none of the answers."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.config import load_experiment
from pipeline.reproduce.rerun import elsewhere

TEXT = "data: {source: 'tfds:mnist', data_dir: sets/here}\n"


def experiment(root: Path):
    folder = root / "experiments" / "mine"
    for name in ("train", "extra", ".cache"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file.txt").write_text(name)
    (folder / "experiment.yaml").write_text(TEXT)
    (folder / "experiment.lock").write_text("{}")
    return load_experiment(folder).job(folder)


def test_what_stands_beside_the_file_comes_along_and_results_do_not(tmp_path):
    with elsewhere(experiment(tmp_path), []) as job:
        names = {path.name for path in job.folder.iterdir()}
        assert names == {"experiment.yaml", "extra"}
        assert job.folder.name == "mine" and tmp_path not in job.folder.parents
        assert job.params["data"].data_dir == "sets/here"
    assert not job.folder.exists()


def test_overrides_come_along(tmp_path):
    with elsewhere(experiment(tmp_path), ["train.epochs=7"]) as job:
        assert job.params["train"].epochs == 7


def test_a_relative_path_leads_to_where_it_led(tmp_path, monkeypatch):
    (tmp_path / "sets" / "here").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    with elsewhere(experiment(tmp_path), []) as job:
        there = job.folder.parent / "sets" / "here"
        assert os.path.samefile(there, tmp_path / "sets" / "here")
    assert (tmp_path / "sets" / "here").is_dir()


def test_a_new_result_can_be_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with elsewhere(experiment(tmp_path), [], keep=True) as job:
        pass
    assert job.folder.is_dir()


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    try:
        with elsewhere(experiment(tmp_path), []):
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert not list(place.iterdir())
