"""What a task decides of an experiment, and what it refuses before anything runs."""

from __future__ import annotations

import pytest

from pipeline.core.errors import UserError
from pipeline.experiment.loader import read_experiment
from pipeline.tasks.registry import TASKS, get
from tests.helpers.bare_task import BARE

KEYS = {name: get(name).metric.key for name in TASKS}

DATA = {
    "classification": 'data: {source: "sklearn:digits"}\n',
    "regression": 'data: {source: "sklearn:diabetes", task: regression}\n',
    "anomaly_detection": (
        'data: {source: "sklearn:digits", task: anomaly_detection, normal: ["0"]}\n'
    ),
    "segmentation": 'data: {source: "scenes:digits", task: segmentation}\n',
    "forecasting": 'data: {source: "series:load", task: forecasting}\n',
    "next_token": 'data: {source: "docstrings:sklearn", task: next_token}\n',
    "detection": 'data: {source: "scenes:digits", task: detection}\n',
    "embedding": 'data: {source: "sklearn:digits", task: embedding}\n',
    "restoration": 'data: {source: "scenes:digits", task: restoration}\n',
    "seq2seq": 'data: {source: "dates:iso", task: seq2seq}\n',
    "ranking": 'data: {source: "interactions:catalog", task: ranking}\n',
    "policy": 'data: {source: "gym:CartPole-v1", task: policy}\n',
}


@pytest.fixture
def load(tmp_path):
    def loaded(task: str, text: str = "", *sets: str):
        (tmp_path / "experiment.yaml").write_text(DATA[task] + text)
        return read_experiment(tmp_path, sets)

    return loaded


@pytest.mark.parametrize("task", DATA)
def test_the_builder_is_that_of_the_task_unless_one_is_named(load, task):
    default = get(task).builder
    assert load(task).tune.families == (default,)
    assert load(task, "tune: {trials: 3}\n").tune.builder == default
    named = "tune: {builder: resnet}\n"
    assert load(task, named).tune.builder == "resnet"
    assert load(task, "", "tune.builder=resnet").tune.builder == "resnet"
    assert load(task, "tune: {builders: [mlp, cnn]}\n").tune.families == ("mlp", "cnn")


@pytest.mark.parametrize("task", DATA)
def test_the_maximum_drop_is_that_of_the_task_unless_one_is_set(load, task):
    key, default = KEYS[task], get(task).max_drop or 0.01

    def drop(text: str) -> float:
        return load(task, text).compress.budget.drops(key)[key]

    assert drop("") == drop("compress: {budget: {max_bytes: 20000}}\n") == default
    assert drop("compress: {budget: {max_drop: 0.5}}\n") == 0.5
    assert drop(f"compress: {{budget: {{max_drop: {{{key}: 0.5}}}}}}\n") == 0.5


def test_a_limit_of_another_metric_keeps_the_maximum_drop_of_the_task(load):
    text = "compress: {budget: {max_drop: {ssim: 0.01}}}\n"
    drops = load("restoration", text).compress.budget.drops("psnr")
    assert drops == {"psnr": 0.2, "ssim": 0.01}


REFUSED = [
    ("next_token", "train: {label_smoothing: 0.1}", "train.label_smoothing: is for"),
    ("next_token", "train: {monitor: accuracy}", "monitor to loss or bits_per_char"),
    ("seq2seq", "train: {label_smoothing: 0.1}", "train.label_smoothing: is for"),
    ("seq2seq", "train: {loss: focal}", "train.loss: focal is not a loss"),
    ("detection", "train: {loss: focal}", "train.loss: focal is not a loss"),
    ("detection", "train: {label_smoothing: 0.1}", "train.label_smoothing: is for"),
    ("restoration", "train: {loss: dice}", "train.loss: dice is not a loss"),
    ("restoration", "distill: {temperature: 2}", "distill.temperature: is for classif"),
    ("restoration", "train: {monitor: ssim}", "set monitor to loss or psnr, not to"),
    ("segmentation", "train: {loss: mse}", "train.loss: mse is not a loss"),
    ("segmentation", "train: {label_smoothing: 0.1}", "train.label_smoothing: is for"),
    ("segmentation", "train: {monitor: accuracy}", "set monitor to loss or miou"),
    ("embedding", "compress: {loss: arcface}", "arcface trains a head of its own"),
    ("embedding", "distill: {temperature: 2}", "distill.temperature: is for outputs"),
    ("regression", "train: {monitor: accuracy}", "train.monitor: the metric of"),
    ("forecasting", "train: {monitor: r2}", "set monitor to loss or mase, not to r2"),
    ("forecasting", "train: {loss: focal}", "it can be quantile, huber, mse, mae"),
    ("forecasting", "train: {label_smoothing: 0.1}", "train.label_smoothing: is for"),
    (
        "anomaly_detection",
        "distill: {monitor: r2}",
        "set monitor to loss or auc, not to r2",
    ),
    ("classification", "compress: {monitor: auc}", "compress.monitor: the metric"),
    (
        "regression",
        "train: {loss: focal}",
        "train.loss: focal is not a loss for data.task",
    ),
    (
        "anomaly_detection",
        "compress: {label_smoothing: 0.1}",
        "compress.label_smoothing: is for",
    ),
    (
        "regression",
        "train: {pseudo_labels: {labelled: 0.1}}",
        "train.pseudo_labels: is",
    ),
    (
        "anomaly_detection",
        "distill: {distillation_loss: dkd}",
        "distill.distillation_loss: is for classifi",
    ),
    ("regression", "distill: {temperature_end: 1}", "distill.temperature_end: is for"),
    ("regression", "distill: {temperature: 2}", "distill.temperature: is for classifi"),
    (
        "anomaly_detection",
        "compress: {temperature: 2}",
        "compress.temperature: is for classifi",
    ),
    (
        "regression",
        "compress: {budget: {max_drop: 1.0}}",
        "max_drop: must be less than",
    ),
    (
        "classification",
        "distill: {smallest: 2}",
        "distill.smallest: must be less than 1",
    ),
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
def test_the_metric_and_the_losses_of_a_task_are_taken(load, task):
    text = f"train: {{monitor: {KEYS[task]}, loss: {get(task).losses[-1]}}}\n"
    assert load(task, text).train.monitor == KEYS[task]


def test_a_default_of_another_task_is_no_mistake(load):
    text = (
        "distill: {temperature: 4, distillation_loss: kd}\ncompress: {temperature: 4}\n"
    )
    assert load("regression", text).distill.temperature == 4
    assert load("classification", "distill: {temperature: 2}\n").distill


def test_an_override_is_named_as_it_was_given(load):
    with pytest.raises(UserError, match="--set train.monitor=auc: train.monitor: the"):
        load("regression", "", "train.monitor=auc")


def test_a_head_is_an_extra_target_and_the_nearest_is_suggested(tmp_path):
    targets = "extra_targets: {speaker: class, age: number}"
    data = f"data: {{source: 'csv:t.csv', {targets}}}\n"
    (tmp_path / "experiment.yaml").write_text(f"{data}train: {{heads: {{age: 1.0}}}}\n")
    assert read_experiment(tmp_path).train.heads == {"age": 1.0}
    said = (
        r'^--set train.heads.speker=1.0: .*mean "speaker"\? \(there are: speaker, age'
    )
    with pytest.raises(UserError, match=said):
        read_experiment(tmp_path, ["train.heads.speker=1.0"])


@pytest.mark.parametrize("old", ["anomaly", "reconstruction"])
def test_the_old_name_of_a_task_is_one_error_with_the_new_one(tmp_path, old):
    text = f"data: {{source: 'sklearn:digits', task: {old}, normal: ['0']}}\n"
    (tmp_path / "experiment.yaml").write_text(text)
    with pytest.raises(UserError, match="is now called anomaly_detection") as told:
        read_experiment(tmp_path)
    assert len(str(told.value).splitlines()) == 1
    assert "line 1: data.task: " in str(told.value)


def test_a_metric_without_bounds_may_drop_by_more_than_one(own_modules):
    (own_modules / "far.py").write_text(
        "from dataclasses import replace\n"
        "from pipeline.metrics.metric import Metric\n"
        "from pipeline.tasks.regression.task import TASK as BASE\n"
        "TASK = replace(BASE, name='far:TASK', metric=Metric('mae', 'MAE',\n"
        "               higher_is_better=False))\n"
    )
    text = "data: {source: 'sklearn:diabetes', task: 'far:TASK'}\n"
    text += "train: {monitor: mae}\ncompress: {budget: {max_drop: 5}}\n"
    (own_modules / "experiment.yaml").write_text(text)
    assert read_experiment(own_modules).compress.budget.max_drop == 5


def test_a_users_module_does_not_shadow_an_installed_one(own_modules):
    (own_modules / "colorsys.py").write_text("TASK = None\n")
    with pytest.raises(UserError, match="colorsys defines an object of type function"):
        get("colorsys:rgb_to_hsv")


def test_a_task_of_builders_only_is_one_error(own_modules):
    (own_modules / "bare.py").write_text(BARE)
    text = "data: {source: 'sklearn:digits', task: 'bare:TASK'}\n"
    (own_modules / "experiment.yaml").write_text(text)
    with pytest.raises(UserError, match="has no metric") as error:
        read_experiment(own_modules)
    assert len(str(error.value).splitlines()) == 1


BAD = [
    ("nowhere:TASK", "importing it fails: ModuleNotFoundError"),
    ("json:loads", "must be a Task"),
    ("json:nothing", "json defines nothing under this name"),
    ("regresion", 'did you mean "regression"'),
]


@pytest.mark.parametrize(("name", "said"), BAD)
def test_a_task_that_does_not_serve_is_one_error(tmp_path, name, said):
    text = f"data: {{source: 'sklearn:digits', task: '{name}'}}\n"
    (tmp_path / "experiment.yaml").write_text(text)
    with pytest.raises(UserError, match=said) as told:
        read_experiment(tmp_path)
    assert len(str(told.value).splitlines()) == 1
