"""Fits of regression and reconstruction: columns, metrics, both Keras libraries."""

from __future__ import annotations

from functools import partial

import keras
import numpy as np
import pytest
import tf_keras

from pipeline.augment.policy import Policy
from pipeline.core.errors import UserError
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.tasks.metric import metric_of
from pipeline.training import precision
from pipeline.training.context import FitContext, FitData
from pipeline.training.gradients import gradient_norms
from pipeline.training.keras_fit import keras_fit
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings

RNG = np.random.default_rng(1)
NUMBERS = TaskSpec("x", "x:x", (6,), "float32", (), modality="table", task="regression")
KINDS = ("normal", "anomaly")
IMAGES = TaskSpec(
    "x", "x:x", (4, 4, 1), "uint8", KINDS, scale=1 / 255, task="anomaly_detection"
)
SETTINGS = FitSettings(epochs=30, learning_rate=0.02, batch_size=16, patience=30)


def numbers(count: int) -> Split:
    x = RNG.normal(size=(count, 6)).astype(np.float32)
    y = 2 * x[:, 0] - x[:, 1] + 0.1 * RNG.normal(size=count)
    return Split(x, (y / 2).astype(np.float32))


def images(count: int, odd: int = 0) -> Split:
    """Normal images have rows of constant brightness, anomalies are noise."""
    rows = RNG.integers(0, 255, (count, 4, 1, 1)).repeat(4, axis=2)
    noise = RNG.integers(0, 255, (odd, 4, 4, 1))
    x = np.concatenate([rows, noise]).astype(np.uint8)
    return Split(x, np.repeat([0, 1], [count, odd]))


DATA = {
    "regression": (NUMBERS, "mlp", numbers(128), numbers(60)),
    "anomaly_detection": (IMAGES, "autoencoder", images(128), images(40, 30)),
}
SMALL = {"units": 16, "layers": 1, "code": 6, "dropout": 0.0}


def learn(task: str, **settings):
    spec, builder, train, validation = DATA[task]
    model = registry.build(builder, SMALL, spec, 1)
    chosen = SETTINGS.model_copy(update=settings)
    return model, fit(model, FitData(spec, train, validation), chosen, FitContext(1))


@pytest.fixture(scope="module", params=DATA)
def trained(request):
    return request.param, *learn(request.param)


def outputs(model, task: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    spec, _, _, validation = DATA[task]
    x = spec.to_input(validation.x)
    return np.asarray(model(x)), x, validation.y


def test_it_learns_and_records_the_metric_of_its_task(trained):
    task, _, history = trained
    key = metric_of(DATA[task][0]).key
    columns = ["epoch", key, "learning_rate", "loss", f"val_{key}", "val_loss"]
    columns = [name for name in columns if name != "auc"]  # of no training split
    assert list(history.rows[0]) == columns
    assert history.best[f"val_{key}"] > 0.9
    assert history.rows[-1]["loss"] < history.rows[0]["loss"]


def test_the_history_agrees_with_the_restored_weights(trained):
    task, model, history = trained
    predictions, x, y = outputs(model, task)
    measure = metric_of(DATA[task][0])
    reached = history.best[f"val_{measure.key}"]
    assert measure.of(predictions, x, y) == pytest.approx(reached, abs=1e-5)
    normal = y == 0 if task == "anomaly_detection" else np.ones(len(y), bool)
    target = x if task == "anomaly_detection" else y[:, None]
    loss = np.mean((predictions - target)[normal] ** 2)
    assert loss == pytest.approx(history.best["val_loss"], rel=1e-4)


def test_r2_of_training_is_that_of_its_own_batches():
    """At a rate of nothing, an epoch's batches are the split itself."""
    model, history = learn("regression", epochs=1, learning_rate=1e-12, batch_size=128)
    spec, _, train, _ = DATA["regression"]
    predictions = np.asarray(model(train.x))
    expected = metric_of(spec).of(predictions, train.x, train.y)
    assert history.rows[0]["r2"] == pytest.approx(expected, abs=1e-4)


@pytest.mark.parametrize(
    ("task", "key"), [("regression", "r2"), ("anomaly_detection", "auc")]
)
def test_the_metric_can_be_monitored(task, key):
    _, history = learn(task, monitor=key, epochs=4)
    best = max(row[f"val_{key}"] for row in history.rows)
    assert history.best[f"val_{key}"] == best


@pytest.mark.parametrize("api", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize(
    ("task", "monitor", "message"),
    [
        ("regression", "accuracy", "is for regression, whose metric is r2; set mon"),
        ("regression", "auc", "whose metric is r2"),
        ("anomaly_detection", "r2", "is for anomaly detection, whose metric is auc"),
    ],
)
def test_the_metric_of_another_task_is_refused(api, task, monitor, message):
    spec, _, train, validation = DATA[task]
    settings = SETTINGS.model_copy(update={"monitor": monitor})
    arguments = (None, FitData(spec, train, validation), settings, FitContext(1))
    fit_with_api = fit if api is keras else partial(keras_fit, api=api)
    with pytest.raises(UserError, match=message):
        fit_with_api(*arguments)


def test_a_model_with_another_output_shape_is_refused():
    spec, _, train, validation = DATA["regression"]
    pair = keras.Sequential([keras.Input((6,)), keras.layers.Dense(2)])
    with pytest.raises(UserError, match=r"output has the shape \(2,\).*needs \(1,\)"):
        fit(pair, FitData(spec, train, validation), SETTINGS, FitContext(1))


def legacy(task: str):
    """A tf_keras model as compress would make it, with the same weights each time."""
    tf_keras.utils.set_random_seed(4)
    layers = tf_keras.layers
    if task == "regression":
        return tf_keras.Sequential([layers.Input((6,)), layers.Dense(1)])
    middle = [layers.Flatten(), layers.Dense(6, "relu"), layers.Dense(16)]
    return tf_keras.Sequential(
        [layers.Input((4, 4, 1)), *middle, layers.Reshape((4, 4, 1))]
    )


@pytest.mark.parametrize("task", DATA)
def test_the_history_of_keras_fit_agrees_with_the_restored_weights(task):
    spec, _, train, validation = DATA[task]
    measure, model = metric_of(spec), legacy(task)
    chosen = SETTINGS.model_copy(update={"epochs": 12, "monitor": measure.key})
    history = keras_fit(
        model, FitData(spec, train, validation), chosen, FitContext(1), tf_keras
    )
    predictions, x, y = outputs(model, task)
    reached = max(row[f"val_{measure.key}"] for row in history.rows)
    assert measure.of(predictions, x, y) == pytest.approx(reached, abs=1e-4)
    assert history.best[f"val_{measure.key}"] == reached > 0.6
    normal = y == 0 if task == "anomaly_detection" else np.ones(len(y), bool)
    target = x if task == "anomaly_detection" else y[:, None]
    loss = float(np.mean((predictions - target)[normal] ** 2))
    assert loss == pytest.approx(history.best["val_loss"], rel=1e-3)


@pytest.mark.parametrize("task", DATA)
def test_mixed_examples_have_mixed_targets(task):
    spec, builder, train, validation = DATA[task]
    model = registry.build(builder, SMALL, spec, 1)
    once = SETTINGS.model_copy(update={"epochs": 2})
    history = fit(
        model, FitData(spec, train, validation, Policy("mixup", 1)), once, FitContext(1)
    )
    assert history.rows[1]["loss"] < history.rows[0]["loss"] < 2


def test_reconstruction_gradients_reach_the_first_layer():
    spec, builder, train, _ = DATA["anomaly_detection"]
    model = registry.build(builder, SMALL, spec, 1)
    norms = gradient_norms(model, spec, train, SETTINGS)
    assert len(norms) == 4 and min(norms.values()) > 0


def test_mixed_precision_keeps_reconstructions_in_float32(monkeypatch):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    spec, builder, *_ = DATA["anomaly_detection"]
    model = registry.build(builder, SMALL, spec, 1)
    computed = {
        layer.name: layer.compute_dtype
        for layer in precision.in_precision(model, "mixed").layers
    }
    assert (computed["encoder1"], computed["code"]) == ("bfloat16", "bfloat16")
    assert (computed["pixels"], computed["rebuilt"]) == ("float32", "float32")


def test_curves_are_drawn_for_every_task(trained, tmp_path):
    task, _, history = trained
    history.draw(tmp_path / "a.png", "x", metric_of(DATA[task][0]).metric)
    assert (tmp_path / "a.png").stat().st_size > 5000
