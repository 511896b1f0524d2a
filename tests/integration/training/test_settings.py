"""Settings of a fit: schedules, optimizers, averages, phases, stopping."""

from __future__ import annotations

import re
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tf_keras
from pydantic import ValidationError

from pipeline.core.errors import UserError
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.metrics.intervals import gain, mean_interval
from pipeline.models import registry
from pipeline.tasks.registry import get
from pipeline.training import precision
from pipeline.training.batches import BatchSource
from pipeline.training.context import FitContext, FitData
from pipeline.training.early_stopping import is_best, plateau_factor, should_stop
from pipeline.training.history import History, format_parameters, summary
from pipeline.training.keras_fit import keras_fit
from pipeline.training.loop import fit
from pipeline.training.optimizers import make_optimizer
from pipeline.training.params import FitSettings, Phase
from pipeline.training.schedules import keras_schedule, rate_factor
from pipeline.training.unfreezing import unfreeze
from pipeline.training.weight_averaging import WeightAverages, measure_statistics

ACCURACY = get("classification").metric
SPEC = TaskSpec("x", "x:x", (6,), "float32", ("a", "b"), modality="table")
RNG = np.random.default_rng(1)
X = RNG.normal(size=(96, 6)).astype(np.float32)
DATA = Split(X, (X[:, 0] + X[:, 1] > 0).astype(np.int64))
PLAIN = FitData(SPEC, DATA, DATA)

# Schedule -> factors at the first step, in the middle, and at the last of 100.
FACTORS = {
    "constant": (1, 1, 1),
    "step": (1, 0.1, 0.01),
    "exponential": (1, 0.1**0.5, 0.1**0.99),
    "cosine": (0.1, (1 + np.cos(np.pi * 40 / 90)) / 2, 3e-4),
    "one_cycle": (1 / 25 + 24 / 25 * (1 - np.cos(np.pi / 10)) / 2, 0.5867, 4e-4),
}


@pytest.mark.parametrize("name", FACTORS)
def test_a_schedule_begins_goes_on_and_ends_as_it_should(name):
    settings = FitSettings(schedule=name, learning_rate=3.0)
    factor = rate_factor(settings, 100)
    factors = factor(tf.range(100)).numpy()
    expected = FACTORS[name]
    np.testing.assert_allclose(factors[[0, 50, 99]], expected, rtol=1e-2, atol=2e-4)
    assert factors.max() <= 1 + 1e-6 and factors.min() > 0
    theirs = keras_schedule(settings, 100, tf_keras)
    assert float(theirs(tf.constant(50))) == pytest.approx(3 * factors[50])


def rows(*losses):
    return [{"epoch": at, "val_loss": loss} for at, loss in enumerate(losses, 1)]


def test_a_plateau_lowers_the_rate_each_time_that_patience_ends():
    settings = FitSettings(schedule="plateau", plateau_patience=2, decay=0.5)
    falls = [plateau_factor(rows(*[1.0] * n), settings, ACCURACY) for n in range(7)]
    assert falls == [1, 1, 1, 0.5, 0.5, 0.25, 0.25]
    assert plateau_factor(rows(3, 2, 1, 0.5), settings, ACCURACY) == 1


@pytest.mark.parametrize(
    ("losses", "delta", "stops"),
    [
        ([3, 2, 1], 0.0, False),
        ([1, 2, 2], 0.0, True),
        ([1, 0.99, 0.98], 0.1, True),
        ([1, 0.99, 0.98], 0.0, False),
        ([1, 0.95, 0.89], 0.1, False),  # slowly, but by the delta in all
    ],
)
def test_min_delta_is_what_counts_as_better(losses, delta, stops):
    settings = FitSettings(patience=2, min_delta=delta)
    assert should_stop(rows(*losses), settings, ACCURACY) is stops


def test_the_best_epoch_is_strictly_better():
    settings = FitSettings()
    assert is_best(rows(1.0), settings, ACCURACY) and is_best(
        rows(2.0, 1.0), settings, ACCURACY
    )
    assert not is_best(rows(1.0, 1.0), settings, ACCURACY)


@pytest.mark.parametrize("decay", [0.0, 0.01])
def test_the_fused_adam_is_keras_adam(decay):
    settings = FitSettings(weight_decay=decay, global_clipnorm=1.0)
    own = make_optimizer(settings, 0.01)
    theirs = keras.optimizers.Adam(
        0.01, weight_decay=decay or None, global_clipnorm=1.0
    )
    ends = []
    for optimizer in (own, theirs):
        weights = [keras.Variable(np.linspace(-1, 1, 6, dtype=np.float32))]
        optimizer.build(weights)
        for step in range(20):
            gradient = tf.sin(weights[0] * 3 + step)
            optimizer.apply([gradient], weights)
        ends.append(weights[0].numpy())
    np.testing.assert_allclose(*ends, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("api", [keras, tf_keras], ids=["keras", "tf_keras"])
@pytest.mark.parametrize("name", ["adam", "adamw"])
def test_no_weight_decay_is_none_at_all(name, api):
    """Where a gradient is 0 nothing moves; Keras's own adamw decays by 0.004."""
    for decay, still in ((0.0, True), (0.1, False)):
        settings = FitSettings(optimizer=name, weight_decay=decay)
        optimizer = make_optimizer(settings, 0.5, api)
        weight = keras.Variable([1.0]) if api is keras else tf.Variable([1.0])
        optimizer.build([weight])
        if api is keras:
            optimizer.apply([tf.zeros(1)], [weight])
        else:
            optimizer.apply_gradients([(tf.zeros(1), weight)])
        assert (float(weight[0]) == 1) is still


def learn(values=(), data=DATA, **settings):
    settings = {"epochs": 6, "learning_rate": 0.02, "batch_size": 16, **settings}
    model = registry.build(
        "mlp", {"units": 16, "dropout": 0.0, **dict(values)}, SPEC, 1
    )
    return model, fit(
        model, FitData(SPEC, data, data), FitSettings(**settings), FitContext(1)
    )


CHOICES = [
    {"optimizer": "sgd", "learning_rate": 0.1},
    {"optimizer": "rmsprop", "weight_decay": 0.01},
    {"optimizer": "lion", "learning_rate": 0.005, "clipvalue": 0.5},
    {"optimizer": "adamw", "label_smoothing": 0.1, "ema_momentum": 0.9},
    {"swa": 0.5, "schedule": "constant"},
    {
        "gradient_accumulation_steps": 2,
        "schedule": "one_cycle",
        "steps_per_execution": 2,
    },
]


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_it_learns_with_every_optimizer_and_average(choice):
    _, history = learn(**choice)
    assert history.best["val_accuracy"] > 0.85
    assert history.rows[0]["val_loss"] > history.best["val_loss"]


def test_how_an_epoch_is_cut_into_calls_changes_no_bit():
    (one, history), (other, again) = (learn(steps_per_execution=n) for n in (None, 2))
    assert all(map(np.array_equal, one.get_weights(), other.get_weights()))
    assert history.rows == again.rows


def test_accumulated_batches_are_one_larger_batch():
    """Of plain gradient descent: two batches of 8 in place of one of 16."""
    flat = Split(np.tile(X[:8], (12, 1)), np.tile(DATA.y[:8], 12))  # order is no matter
    options = {"optimizer": "sgd", "momentum": 0.0, "schedule": "constant", "epochs": 1}
    model, _ = learn(data=flat, batch_size=96, **options)
    small, _ = learn(data=flat, batch_size=48, gradient_accumulation_steps=2, **options)
    for one, other in zip(model.get_weights(), small.get_weights()):
        np.testing.assert_allclose(one, other, rtol=1e-3, atol=1e-4)


def test_a_moving_average_is_between_the_first_and_the_last_weights():
    model = registry.build("mlp", {"units": 4}, SPEC, 1)
    averages = WeightAverages(model, FitSettings(ema_momentum=0.5))
    before = model.get_weights()
    model.set_weights([w + 1 for w in before])
    averages.after_step(tf.constant(100))
    for mean, old in zip(averages.means, before):
        np.testing.assert_allclose(mean, old + 0.5, rtol=1e-5)
    with averages.applied(None, 0):
        np.testing.assert_allclose(model.get_weights()[0], before[0] + 0.5, rtol=1e-5)
    np.testing.assert_allclose(model.get_weights()[0], before[0] + 1, rtol=1e-5)


def test_the_mean_of_weights_gets_batch_statistics_of_its_own():
    model = registry.build("mlp", {"units": 4, "normalization": "batch"}, SPEC, 1)
    norm = next(la for la in model.layers if "norm" in la.name)
    before = [norm.moving_mean.numpy(), norm.moving_variance.numpy()]
    measure_statistics(model, BatchSource(DATA, SPEC, 96, 1), 0)
    features = keras.Model(model.input, norm.input)(X).numpy()
    np.testing.assert_allclose(norm.moving_mean, features.mean(0), atol=1e-4)
    assert not np.allclose(norm.moving_mean, before[0])


def test_phases_train_the_last_layers_first_and_keep_the_others():
    model = registry.build("mlp", {"units": 8, "layers": 2}, SPEC, 1)
    assert unfreeze(model, Phase(epochs=1, unfreeze=0.0)) == ["logits"]
    names = unfreeze(model, Phase(epochs=1))
    assert names[0] == "dense1" and len(names) == len(model.layers) - 1 - sum(
        not layer.weights for layer in model.layers[1:]
    )
    start = registry.build("mlp", {"units": 16, "dropout": 0.0}, SPEC, 1).get_weights()
    head, _ = learn(phases=[Phase(epochs=2, unfreeze=0.0)])
    assert np.array_equal(head.get_weights()[0], start[0])
    assert not np.array_equal(head.get_weights()[-2], start[-2])
    assert all(layer.trainable for layer in head.layers)  # frozen for the fit alone
    both, history = learn(
        phases=[Phase(epochs=2, unfreeze=0.0), Phase(epochs=3, rate=0.1)]
    )
    assert not np.array_equal(both.get_weights()[0], start[0])
    assert [row["phase"] for row in history.rows] == [1, 1, 2, 2, 2]
    rates = [row["learning_rate"] for row in history.rows]
    assert max(rates[2:]) <= 0.1 * max(rates[:2]) + 0.002


def test_the_speed_is_told_and_not_part_of_the_history():
    speed: dict[str, float] = {}
    model = registry.build("mlp", {"units": 8}, SPEC, 1)
    history = fit(
        model,
        PLAIN,
        FitSettings(epochs=2),
        FitContext(1, speed=speed),
    )
    assert speed["seconds_to_first_step"] > 0 < speed["examples_per_second"]
    assert speed["steps_per_execution"] == 3 and speed["examples_in"] == "memory"
    assert not set(speed) & set(history.rows[0])


@pytest.mark.parametrize(
    "wrong",
    [
        {"epochs": 0},
        {"ema_momentum": 0.9, "swa": 0.5},
        {"global_clipnorm": 1.0, "clipvalue": 1.0},
        {"milestones": [2.0]},
        {"optimizer": "adagrad"},
    ],
    ids=str,
)
def test_settings_that_cannot_be_are_refused(wrong):
    with pytest.raises(ValidationError):
        FitSettings(**wrong)


@pytest.mark.parametrize(
    ("own", "keys"),
    [
        ({"ema_momentum": 0.9}, "`compress.ema_momentum` is"),
        (
            {"gradient_accumulation_steps": 2, "jit_compile": True},
            "`compress.gradient_accumulation_steps` and `compress.jit_compile` are",
        ),
        (
            {"swa": 0.0, "schedule": "plateau"},
            "`compress.swa` and `compress.schedule: plateau` are",
        ),
        ({"phases": [Phase(epochs=1)]}, "`compress.phases` is"),
    ],
)
def test_settings_that_keras_fit_does_not_support_are_refused(own, keys):
    words = f"^{re.escape(keys)} not supported during fine-tuning; remove"
    with pytest.raises(UserError, match=words):
        keras_fit(None, PLAIN, FitSettings(**own), FitContext(1), tf_keras)


@pytest.mark.parametrize(
    "own",
    [{"speed": {}}, {"checkpoint_folder": Path()}, {"objective": len}],
    ids=str,
)
def test_context_that_keras_fit_does_not_support_is_refused(own):
    (name,) = own
    with pytest.raises(ValueError, match=f"does not support FitContext.{name}"):
        keras_fit(None, PLAIN, FitSettings(), FitContext(1, **own), tf_keras)


def test_fit_refuses_a_model_of_another_keras():
    model = tf_keras.Sequential([tf_keras.layers.Input((6,)), tf_keras.layers.Dense(2)])
    with pytest.raises(TypeError, match="expected a Keras 3 model"):
        fit(model, PLAIN, FitSettings(), FitContext(1))


def test_an_interval_is_students_and_holds_the_mean():
    mean, (low, high) = mean_interval([1.0, 2.0, 3.0])
    assert (mean, round(low, 3), round(high, 3)) == (2.0, -0.484, 4.484)
    assert mean_interval([1.0]) == (1.0, None)


@pytest.mark.parametrize(
    ("task", "values", "ends"),
    [
        ("classification", [0.26, 0.46], (0.0, 1.0)),
        ("anomaly_detection", [0.9, 0.95], (None, 1.0)),
        ("regression", [0.0, 0.9], (None, 1.0)),
    ],
)
def test_an_interval_ends_where_its_measure_does(task, values, ends):
    plain, least = mean_interval(values), min(mean_interval(values)[1])
    mean, (low, high) = mean_interval(values, get(task).metric)
    assert mean == plain[0] and plain[1][1] > 1
    assert (low, high) == (least if ends[0] is None else ends[0], ends[1])


@pytest.mark.parametrize(
    ("weights", "ending"),
    [
        (85, ", 85 parameters"),
        (999, ", 999 parameters"),
        (44_512, ", 44.5 k parameters"),
    ],
)
def test_a_small_number_of_parameters_is_written_in_full(weights, ending):
    history = History([{}], {"val_accuracy": 0.5, "epoch": 1})
    assert summary(history, 1, weights, ACCURACY)["headline"].endswith(ending)
    assert format_parameters(1700, 0) == "2 k parameters"


@pytest.mark.parametrize(
    ("with_teacher", "words"),
    [
        ([0.93, 0.94, 0.95], "gain from the teacher: +3.00 points"),
        ([0.90, 0.92, 0.91], "no gain shown: +0.00 points, 95 % interval"),
        ([0.87, 0.88, 0.89], "loss from the teacher: -3.00 points"),
    ],
)
def test_the_verdict_on_a_gain(with_teacher, words):
    result = gain([1, 2, 3], with_teacher, [0.90, 0.91, 0.92], "teacher", ACCURACY)
    assert result["verdict"].startswith(words)
    assert result["with_teacher"] == with_teacher and result["without"][0] == 0.90
    single = gain([1], with_teacher[:1], [0.9], "teacher", ACCURACY)
    assert single["interval"] is None and "one seed" in single["verdict"]


def test_mixed_precision_computes_in_less_and_keeps_weights_whole(monkeypatch, capsys):
    monkeypatch.setattr(precision, "has_bfloat16", lambda: True)
    plain = registry.build("mlp", {"units": 16, "dropout": 0.0}, SPEC, 1)
    model = precision.in_precision(plain, "mixed")
    assert "mixed_bfloat16" in capsys.readouterr().out
    computed = {layer.compute_dtype for layer in model.layers}
    assert "bfloat16" in computed and model(X).dtype == "float32"  # logits are whole
    assert {weight.dtype for weight in model.weights} == {"float32"}
    np.testing.assert_allclose(model(X), plain(X), atol=0.1)
    settings = FitSettings(epochs=6, learning_rate=0.02, batch_size=16)
    assert fit(model, PLAIN, settings, FitContext(1)).best["val_accuracy"] > 0.85
    monkeypatch.setattr(precision, "has_bfloat16", lambda: False)
    assert precision.in_precision(plain, "mixed") is plain
    assert "float32" in capsys.readouterr().out
