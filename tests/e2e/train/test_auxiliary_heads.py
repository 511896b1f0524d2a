"""Auxiliary heads: what they learn, what stays unchanged, what is refused."""

from __future__ import annotations

import csv
import json
from dataclasses import replace

import keras
import numpy as np
import pytest
from pydantic import ValidationError

from pipeline.augment.policy import Policy
from pipeline.core.errors import UserError
from pipeline.data.artifact import read_data
from pipeline.data.params import DataParams
from pipeline.data.stage import run as run_data
from pipeline.engine.stage import Inputs
from pipeline.models import registry
from pipeline.train.auxiliary_heads import read_heads
from pipeline.train.params import TrainParams
from pipeline.training.auxiliary_heads import with_heads
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit, main_output_model
from pipeline.training.params import FitSettings
from tests.helpers.data_fixtures import write_csv

NONE = Policy("", 1)
EXTRA_TARGETS = {"side": "class", "coin": "class", "sum": "number"}


def rows(count: int = 500) -> list[list]:
    """Two numbers; the label, a side and a sum follow from them, a coin does not."""
    rng = np.random.default_rng(4)
    body = [
        [
            round(a, 4),
            round(b, 4),
            "up" if a > 0 else "down",
            "left" if a + b > 0 else "right",
            "head" if rng.random() < 0.5 else "tail",
            round(3 * a - 2 * b + 7, 4),
        ]
        for a, b in rng.normal(size=(count, 2))
    ]
    return [["a", "b", "label", "side", "coin", "sum"], *body]


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    folder = tmp_path_factory.mktemp("heads")
    path = write_csv(folder / "table.csv", rows())
    params = DataParams(source=f"csv:{path}", extra_targets=EXTRA_TARGETS)
    run_data(params, Inputs({}, seed=1), folder)
    return read_data(folder)


def trained(data, weights: dict[str, float], epochs: int = 6, fitting=(), **more):
    model = registry.build("mlp", {"units": 16, "dropout": 0.0}, data.spec, 3)
    settings = FitSettings(epochs=epochs, learning_rate=0.01, **more)
    several = read_heads(weights, data, NONE)
    whole = several.add_to(model, 3)
    history = fit(
        whole,
        FitData(data.spec, data.train(), data.validation()),
        settings,
        several.extend(FitContext(3, **dict(fitting)), whole, settings),
    )
    return model, whole, history


@pytest.fixture(scope="module")
def fitted(data):
    return trained(data, {"side": 0.5, "coin": 0.2, "sum": 1.0}, epochs=15)


def test_heads_learn_what_is_there_and_nothing_where_nothing_is(fitted):
    best = fitted[2].best
    assert best["val_accuracy"] > 0.9
    assert best["val_side_accuracy"] > 0.9
    assert best["val_sum_r2"] > 0.8
    assert 0.3 < best["val_coin_accuracy"] < 0.7


def test_the_main_head_is_a_model_of_its_own(fitted, data):
    model, whole, history = fitted
    assert model.output_shape == (None, 2)
    assert [tuple(shape) for shape in whole.output_shape] == [
        (None, 2),
        (None, 2),
        (None, 2),
        (None, 1),
    ]
    validation = data.validation()
    x = data.spec.to_input(validation.x)
    assert np.array_equal(model(x), whole(x)[0])
    right = (np.argmax(model(x), axis=1) == validation.y).mean()
    assert right == pytest.approx(history.best["val_accuracy"])


@pytest.mark.parametrize(
    "more", [{}, {"ema_momentum": 0.9}, {"global_clipnorm": 0.5}], ids=str
)
def test_a_weight_of_0_is_no_head_at_all(data, more):
    alone, with_it = (trained(data, w, 2, **more)[0] for w in ({}, {"side": 0.0}))
    for one, other in zip(alone.get_weights(), with_it.get_weights()):
        assert np.allclose(one, other, atol=1e-6)
    learning = trained(data, {"side": 1.0}, 2, **more)[0]
    assert not np.allclose(alone.get_weights()[0], learning.get_weights()[0], atol=1e-3)


class Killed(keras.callbacks.Callback):
    """Ends the fit in its third epoch, as a signal would."""

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == 2:
            raise KeyboardInterrupt


def test_a_fit_that_was_killed_goes_on_to_the_same_bits(data, tmp_path):
    weights, more = (
        {"side": 0.5, "sum": 1.0},
        {"checkpoint_seconds": 0.0, "ema_momentum": 0.9},
    )
    _, straight, history = trained(data, weights, 4, **more)
    fitting = {"checkpoint_folder": tmp_path, "callbacks": [Killed()]}
    with pytest.raises(KeyboardInterrupt):
        trained(data, weights, 4, fitting, **more)
    _, resumed, again = trained(
        data, weights, 4, {"checkpoint_folder": tmp_path}, **more
    )
    assert again.rows == history.rows
    for one, other in zip(straight.get_weights(), resumed.get_weights(), strict=True):
        assert np.array_equal(one, other)


def test_a_phase_counts_the_layers_of_the_main_head(data, capsys):
    trained(data, {"side": 0.5}, 2, phases=[{"epochs": 1, "unfreeze": 0.0}])
    assert "training logits\n" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("weights", "policy", "words"),
    [
        ({"sied": 1}, "", 'no extra target "sied"; did you mean "side"'),
        (
            {"label": 1},
            "",
            "available: side, coin, sum; declare it in data.extra_targets",
        ),
        ({"side": 1}, "mixup(0.2)", "mixes examples, but only the main target"),
    ],
)
def test_what_the_data_do_not_have_is_an_error(data, weights, policy, words):
    with pytest.raises(UserError, match=words):
        read_heads(weights, data, Policy(policy, 1))


def test_reconstruction_and_models_without_features_are_errors(data):
    rebuilding = replace(data, spec=replace(data.spec, task="anomaly_detection"))
    with pytest.raises(UserError, match="is for anomaly detection, which has no aux"):
        read_heads({"side": 1}, rebuilding, NONE)
    heads = read_heads({"side": 1}, data, NONE).heads
    image = keras.Input((8, 8, 2))
    pooled = keras.layers.GlobalAveragePooling2D(name="pooled")(image)
    with pytest.raises(UserError, match='ends in "pooled", a GlobalAveragePooling2D'):
        with_heads(keras.Model(image, pooled), heads, 1)
    dense = keras.layers.Dense(2, name="logits")(image)
    with pytest.raises(UserError, match='ends in "logits", a Dense'):
        with_heads(keras.Model(image, dense), heads, 1)
    assert main_output_model(keras.Model(image, pooled)).output.name == pooled.name


@pytest.mark.parametrize(
    ("params", "words"),
    [
        ({"heads": {"side": -0.1}}, "greater than or equal to 0"),
        ({"heads": {"side": 1}, "folds": 3}, "heads and folds cannot be combined"),
        ({"heads": {"side": 1}, "pseudo_labels": {}}, "heads and pseudo_labels cannot"),
    ],
)
def test_settings_that_cannot_work_are_errors(params, words):
    with pytest.raises(ValidationError, match=words):
        TrainParams.model_validate_json(json.dumps(params))


TEXT = """\
data:
  source: csv:table.csv
  extra_targets: {side: class, coin: class, sum: number}
tune: {builder: mlp, values: {units: 8}, trials: 1, epochs: 1}
train: {epochs: 3, heads: {side: 0.5, sum: 0.5}, precision: mixed}
"""


@pytest.mark.slow
def test_a_run_publishes_the_heads_and_gives_equal_bytes_again(project):
    write_csv(project.folder / "table.csv", rows(120))
    project.write(TEXT)
    outputs = []
    for force in ((), ("--force",)):
        answer = project.run("run", "train", *force)
        assert answer.code == 0, answer.out + answer.err
        record = json.loads((project.small / "train" / "stage.json").read_text())
        outputs.append(record["outputs"])
    assert outputs[0] == outputs[1]
    assert ", side 0." in answer.lines["train"] and ", sum " in answer.lines["train"]
    train = project.small / "train"
    with (train / "history.csv").open() as file:
        (first, *_) = csv.DictReader(file)
    assert {"val_side_accuracy", "val_sum_r2"} <= set(first)
    best = json.loads((train / "metrics.json").read_text())["best"]
    assert 0 <= best["val_side_accuracy"] <= 1
    one, several = (
        keras.models.load_model(train / name) for name in ("model.keras", "heads.keras")
    )
    assert (len(one.outputs), len(several.outputs)) == (1, 3)
    assert one.count_params() == several.count_params() - (9 * 2 + 9)
