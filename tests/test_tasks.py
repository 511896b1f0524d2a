"""What a task decides of an experiment, and what it refuses before anything runs."""

from __future__ import annotations

import pytest

from pipeline.config import load_experiment
from pipeline.data.measure import MEASURES
from pipeline.data.task import TASKS
from pipeline.core.errors import UserError
from pipeline.tasks import BUILDERS, KEYS

DATA = {
    "classification": 'data: {source: "sklearn:digits"}\n',
    "regression": 'data: {source: "sklearn:diabetes", task: regression}\n',
    "anomaly": 'data: {source: "sklearn:digits", task: anomaly, normal: ["0"]}\n',
}


@pytest.fixture
def load(tmp_path):
    def loaded(task: str, text: str = "", *sets: str):
        (tmp_path / "experiment.yaml").write_text(DATA[task] + text)
        return load_experiment(tmp_path, sets)

    return loaded


def test_the_keys_are_those_of_the_measures():
    assert KEYS == {name: MEASURES[task].key for name, task in TASKS.items()}


@pytest.mark.parametrize("task", DATA)
def test_the_builder_is_that_of_the_task_unless_one_is_named(load, task):
    default = {"classification": "cnn", **BUILDERS}[task]
    assert load(task).tune.families == (default,)
    assert load(task, "tune: {trials: 3}\n").tune.builder == default
    named = "tune: {builder: resnet}\n"
    assert load(task, named).tune.builder == "resnet"
    assert load(task, "", "tune.builder=resnet").tune.builder == "resnet"
    assert load(task, "tune: {builders: [mlp, cnn]}\n").tune.families == ("mlp", "cnn")


REFUSED = [
    ("regression", "train: {monitor: accuracy}", "train.monitor: the measure of"),
    ("anomaly", "distill: {monitor: r2}", "set monitor to loss or auc, not to r2"),
    ("classification", "compress: {monitor: auc}", "compress.monitor: the measure"),
    ("regression", "train: {loss: focal}", "train.loss: focal is for classes, and"),
    ("anomaly", "compress: {label_smoothing: 0.1}", "compress.label_smoothing: is for"),
    (
        "regression",
        "train: {pseudo_labels: {labelled: 0.1}}",
        "train.pseudo_labels: is",
    ),
    ("anomaly", "distill: {imitation: decoupled}", "distill.imitation: is for classes"),
    ("regression", "distill: {temperature_end: 1}", "distill.temperature_end: is for"),
    ("regression", "distill: {temperature: 2}", "distill.temperature: is for classes"),
    ("anomaly", "compress: {temperature: 2}", "compress.temperature: is for classes"),
    (
        "classification",
        "train: {heads: {speaker: 0.3}}",
        "train.heads.speaker: data.extra_targets has no target of that name",
    ),
]


@pytest.mark.parametrize(("task", "text", "said"), REFUSED)
def test_a_key_of_another_task_is_refused_with_its_line(load, task, text, said):
    with pytest.raises(UserError, match=said) as told:
        load(task, text + "\n")
    assert "experiment.yaml, line 2: " in str(told.value)
    assert len(str(told.value).splitlines()) == 1


@pytest.mark.parametrize("task", DATA)
def test_the_measure_and_the_losses_of_a_task_are_taken(load, task):
    text = f"train: {{monitor: {KEYS[task]}, loss: huber}}\n"
    assert load(task, text).train.monitor == KEYS[task]


def test_a_default_of_another_task_is_no_mistake(load):
    text = "distill: {temperature: 4, imitation: hinton}\ncompress: {temperature: 4}\n"
    assert load("regression", text).distill.temperature == 4
    assert load("classification", "distill: {temperature: 2}\n").distill


def test_an_override_is_named_as_it_was_given(load):
    with pytest.raises(UserError, match="--set train.monitor=auc: train.monitor: the"):
        load("regression", "", "train.monitor=auc")


def test_a_head_is_an_extra_target_and_the_nearest_is_suggested(tmp_path):
    targets = "extra_targets: {speaker: class, age: number}"
    data = f"data: {{source: 'csv:t.csv', {targets}}}\n"
    (tmp_path / "experiment.yaml").write_text(f"{data}train: {{heads: {{age: 1.0}}}}\n")
    assert load_experiment(tmp_path).train.heads == {"age": 1.0}
    said = (
        r'^--set train.heads.speker=1.0: .*mean "speaker"\? \(there are: speaker, age'
    )
    with pytest.raises(UserError, match=said):
        load_experiment(tmp_path, ["train.heads.speker=1.0"])
