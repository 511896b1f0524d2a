"""A file that is not there is told before anything runs, unless it is not needed."""

from __future__ import annotations

import pytest

from pipeline.core.errors import UserError
from pipeline.engine.plan import Decision
from pipeline.experiment.preflight import check_files
from pipeline.experiment.schema import Experiment

DATA = {"source": "sklearn:digits"}
NAMED = [
    ("train", {"init_from": "no.keras"}, "train.init_from: /"),
    ("train", {"pseudo_labels": {"pool": "no.npz"}}, "train.pseudo_labels.pool: /"),
    ("tune", {"values": {"members": "no.keras, b.keras"}}, "tune.values.members: /"),
    ("tune", {"warm_start": "no.json"}, "tune.warm_start: /"),
    (
        "distill",
        {"teachers": [{"model": "train"}, {"model": "no.keras"}]},
        "distill.teachers.1.model: /",
    ),
]


def planned(job, name, **states):
    """What a plan says of the stages up to `name`: all are new but those given."""
    return [
        Decision(stage.name, states.get(stage.name, "new"), "", {})
        for stage in job.upto((name,))
    ]


def job(folder, section, values):
    return Experiment.model_validate({"data": DATA, section: values}).job(folder)


@pytest.mark.parametrize(("section", "values", "key"), NAMED)
def test_the_key_and_the_absolute_path_are_told(
    tmp_path, monkeypatch, section, values, key
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "b.keras").touch()
    made = job(tmp_path, section, values)
    with pytest.raises(UserError) as told:
        check_files(made, planned(made, "report"))
    assert str(told.value).startswith(key)
    assert f"{tmp_path}/no." in str(told.value)
    assert str(told.value).endswith(": there is no such file")
    check_files(made, planned(made, "augment"))  # which needs none of it


def test_only_a_stage_that_stays_as_it_is_needs_no_file(tmp_path):
    path = tmp_path / "a.keras"
    path.touch()
    made = job(tmp_path, "train", {"init_from": str(path)})
    check_files(made, planned(made, "report"))
    path.unlink()
    check_files(made, planned(made, "report", train="cached"))
    with pytest.raises(UserError):
        check_files(made, planned(made, "report", train="stale"))


def test_a_variable_that_is_not_set_is_named(tmp_path):
    made = job(tmp_path, "train", {"init_from": "${NO_SUCH_PLACE}/a.keras"})
    with pytest.raises(UserError, match="^train.init_from: .*variable NO_SUCH_PLACE"):
        check_files(made, planned(made, "train"))


def test_a_run_begins_no_stage_and_a_status_goes_on(project):
    given = ("--set", "train.init_from=nope.keras")
    answer = project.run("run", "train", *given)
    assert answer.code == 2 and "data" not in answer.out
    said = f"error: train.init_from: {project.folder}/nope.keras: there is no such file"
    assert answer.err.strip() == said
    assert project.run("status", *given).code == 0
