"""A copy of an experiment in a temporary folder: same parameters, no results."""

from __future__ import annotations

from contextlib import chdir
from pathlib import Path

import pytest

from pipeline.core.base_path import base
from pipeline.data.paths import locate
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.runner import CODE_ROOT
from pipeline.experiment.loader import read_experiment
from pipeline.models.referenced_files import hash_references
from pipeline.reproduce.rerun import in_temporary_folder

TEXT = "data: {source: 'tfds:mnist', data_dir: sets/here}\n"


def loader(*overrides: str):
    return lambda folder: read_experiment(folder, list(overrides)).job(folder)


def experiment(root: Path):
    folder = root / "experiments" / "mine"
    for name in ("train", "extra", ".cache"):
        (folder / name).mkdir(parents=True)
        (folder / name / "file.txt").write_text(name)
    (folder / "experiment.yaml").write_text(TEXT)
    (folder / "experiment.lock").write_text("{}")
    return read_experiment(folder).job(folder)


def test_what_stands_beside_the_file_comes_along_and_results_do_not(tmp_path):
    with in_temporary_folder(experiment(tmp_path), loader()) as job:
        names = {path.name for path in job.folder.iterdir()}
        assert names == {"experiment.yaml", "extra"}
        assert job.folder.name == "mine" and tmp_path not in job.folder.parents
        assert job.params["data"].data_dir == "sets/here"
    assert not job.folder.exists()


def test_overrides_come_along(tmp_path):
    with in_temporary_folder(experiment(tmp_path), loader("train.epochs=7")) as job:
        assert job.params["train"].epochs == 7


WAYS = ["sets/here", "../work/sets/here", "${SETS}/here", "$HOME/work/sets/here"]


@pytest.mark.parametrize("text", WAYS)
def test_a_path_leads_to_where_it_led(tmp_path, monkeypatch, text):
    work = tmp_path / "work"
    (work / "sets" / "here").mkdir(parents=True)
    (work / "sets" / "here" / "a.keras").write_bytes(b"a net")
    monkeypatch.setenv("SETS", "sets")
    monkeypatch.chdir(work)
    whole = text.replace("$HOME", str(tmp_path))
    file = f"{whole}/a.keras"
    assert (before := hash_references({"members": f"{file}, {file}"}))[file]
    with (
        in_temporary_folder(experiment(work), loader()) as job,
        chdir(job.folder.parent),
    ):
        assert locate(whole, "data.data_dir").is_dir()
        assert hash_references({"members": f"{file}, {file}"}) == before
    assert base() == Path()


def test_a_builder_of_ones_own_comes_along(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own_models.py").write_text("import own_layers\n")
    (tmp_path / "own_layers.py").write_text("")
    here = experiment(tmp_path)
    load = loader("tune.builder=own_models:build")
    with in_temporary_folder(here, load) as job, chdir(job.folder.parent):
        code = CodeReader(CODE_ROOT, also=(base(),))
        names = code.closure(job.modules(job.stage("tune")))
        assert {"own_models", "own_layers"} <= set(names)


def test_a_new_result_can_be_kept(tmp_path, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    with in_temporary_folder(experiment(tmp_path), loader(), keep=True) as job:
        pass
    assert job.folder.is_dir()


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    place = tmp_path / "temporary"
    place.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(place))
    try:
        with in_temporary_folder(experiment(tmp_path), loader()):
            raise KeyboardInterrupt
    except KeyboardInterrupt:
        assert not list(place.iterdir())
