"""The Python API: load_experiment, plan, run and results."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

import pipeline
from pipeline.core.errors import UserError
from pipeline.experiment.overrides import override_texts
from pipeline.experiment.session import Silent, load_experiment, open_session
from pipeline.experiment.single_model import header

pytestmark = pytest.mark.usefixtures("forked_stages")


def test_importing_the_package_is_light():
    code = (
        "import sys, pipeline\n"
        "print([m for m in sys.modules if m.partition('.')[0] == 'pipeline'])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "['pipeline']", done.stderr


def test_every_public_name_is_importable_and_in_the_stub():
    stub = (Path(pipeline.__file__).parent / "__init__.pyi").read_text()
    names = set(re.findall(r" as (\w+)", stub)) | {"__version__"}
    assert names == set(pipeline.__all__) <= set(dir(pipeline))
    for name in names:
        assert getattr(pipeline, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'train_model'"):
        _ = pipeline.train_model


def test_public_functions_describe_arguments_result_and_errors():
    for name in ("load_experiment", "compress_model", "predict"):
        text = getattr(pipeline, name).__doc__
        for section in ("Args:", "Returns:", "Raises:", "Example:"):
            assert section in text, name


@pytest.mark.parametrize(
    ("values", "texts"),
    [
        ({"seed": 2}, ["seed=2"]),
        ({"train": {"epochs": 3, "loss": None}}, ["train.epochs=3", "train.loss=null"]),
        ({"train.epochs": 3}, ["train.epochs=3"]),
        ({"tune": {"values": {"a": [1]}}}, ['tune.values={"a": [1]}']),
        ({"augment": {"policy": "flip # x "}}, ['augment.policy="flip # x "']),
    ],
)
def test_python_values_become_overrides(values, texts):
    assert override_texts(values) == texts


@pytest.fixture
def place(project, monkeypatch):
    monkeypatch.chdir(project.folder)
    return project


@pytest.mark.parametrize("path", ["small", "experiments/small", "file"])
def test_an_experiment_is_found_by_name_folder_or_file(place, path):
    if path == "file":
        path = place.small / "experiment.yaml"
    session = load_experiment(path, seed=9, train={"epochs": 2, "learning_rate": 1e-05})
    assert session.experiment.seed == 9
    assert session.experiment.train.learning_rate == 1e-05
    assert session.experiment.train.patience == 6  # of the file
    assert [decision.state for decision in session.plan()] == ["new"] * 8


def test_an_error_names_what_the_program_passed(place):
    with pytest.raises(UserError, match='^override train.epochs="x": train.epochs: mu'):
        load_experiment("small", train={"epochs": "x"})
    with pytest.raises(UserError, match='did you mean "small"'):
        load_experiment("smal")
    with pytest.raises(UserError, match='no stage "trian" .there are: data, augment'):
        load_experiment("small").plan("trian")


def test_a_program_gets_the_checks_of_the_command(place):
    session = load_experiment("small", train={"init_from": "no.keras"})
    with pytest.raises(UserError, match="^train.init_from: /.*no.keras: there is no"):
        session.run("train", reporter=Silent())
    assert not (place.small / "data").exists()
    with pytest.raises(UserError, match="no result yet; run: keras-frontier run"):
        session.results()


def test_a_run_publishes_and_a_second_one_does_nothing(place, capsys):
    session = load_experiment("small")
    session.run("data")
    assert capsys.readouterr().out.splitlines()[-1].startswith("data      done")
    assert [d.state for d in session.plan("augment")] == ["cached", "new"]
    session.run("data", reporter=Silent())
    assert capsys.readouterr().out == ""
    assert session.clean() == ["experiment.yaml"]
    assert [d.state for d in session.plan("data")] == ["new"]


def test_a_folder_of_compress_model_can_be_planned_but_not_run(tmp_path):
    text = header(Path("net.keras"), []) + "data: {source: sklearn:iris}\n"
    (tmp_path / "experiment.yaml").write_text(text)
    session = open_session(tmp_path)
    assert [d.stage for d in session.plan()] == ["data", "augment", "train", "compress"]
    with pytest.raises(UserError, match="was made by compress-file"):
        session.run("compress")


def test_results_are_those_of_the_report(finished):
    project, _ = finished
    session = load_experiment(project.small)
    assert session.results()["chosen"]["bytes_gzip"] > 0
    assert session.outdated_report() == []
