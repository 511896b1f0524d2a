"""The training loop: learns, stops, keeps the best, repeats to the bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.core.errors import StageFailed
from pipeline.data import artifact
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.models import registry
from pipeline.tasks.registry import get
from pipeline.training.batches import (
    MAX_STEPS_PER_EXECUTION,
    is_whole_file,
    plan_steps,
    training_batches,
    validation_batches,
)
from pipeline.training.context import FitContext, FitData
from pipeline.training.history import History
from pipeline.training.keras_fit import keras_fit
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings

SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b"), scale=1 / 255)


def split(count: int, seed: int) -> Split:
    """Bright images are of class 1."""
    rng = np.random.default_rng(seed)
    y = rng.integers(0, 2, count)
    x = rng.integers(0, 128, (count, 8, 8, 1)) + 100 * y[:, None, None, None]
    return Split(x.astype(np.uint8), y)


TRAIN, VALIDATION = split(200, 1), split(80, 2)


def run(seed: int = 4, loss=None, **settings):
    settings = FitSettings(**{"epochs": 4, "learning_rate": 5e-3, **settings})
    model = registry.build("cnn", {"width": 0.25}, SPEC, seed)
    history = fit(
        model,
        FitData(SPEC, TRAIN, VALIDATION, Policy("shift(1)", seed)),
        settings,
        FitContext(seed, loss=loss),
    )
    return model, history


def test_it_learns():
    _, history = run(epochs=6)
    assert history.best["val_accuracy"] > 0.9


def test_the_same_seed_gives_the_same_bits_and_another_others():
    models = [run(seed)[0] for seed in (4, 4, 5)]
    weights = [np.concatenate([w.ravel() for w in m.get_weights()]) for m in models]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


def test_it_stops_when_validation_stops_improving():
    _, history = run(epochs=40, patience=2, learning_rate=0.02, schedule="constant")
    assert len(history.rows) < 40
    assert history.rows[-1]["epoch"] - history.best["epoch"] >= 1


def test_the_best_weights_are_put_back():
    model, history = run(epochs=8, learning_rate=0.05, schedule="constant")
    logits = model(SPEC.to_input(VALIDATION.x))
    loss = tf.keras.losses.sparse_categorical_crossentropy(
        VALIDATION.y, logits, from_logits=True
    )
    assert float(tf.reduce_mean(loss)) == pytest.approx(
        history.best["val_loss"], rel=1e-4
    )


def test_a_loss_that_is_not_a_number_is_an_error():
    with pytest.raises(
        StageFailed, match=r"loss became nan in epoch 1, step 1 of 6, at a"
    ):
        run(loss=lambda y, logits: tf.reduce_sum(logits, axis=-1) * float("nan"))


@pytest.mark.parametrize("examples", [1, 5, 31, 32, 100, 1077, 45000, 60000])
@pytest.mark.parametrize("size", [1, 32, 128])
def test_calls_are_whole_and_leave_few_batches_out(examples, size):
    steps, fused = plan_steps(examples, size)
    whole = max(1, examples // size)
    assert steps % fused == 0
    assert 1 <= fused <= MAX_STEPS_PER_EXECUTION
    assert whole - steps <= whole // MAX_STEPS_PER_EXECUTION + 1


def orders(epochs: range, seed: int = 1) -> list[np.ndarray]:
    numbered = Split(np.arange(64)[:, None], np.arange(64))
    spec = TaskSpec("x", "x:x", (1,), "int64", ("a", "b"))
    batches = training_batches(numbered, spec, 16, epochs, seed, None)
    return [y for _, y in batches.as_numpy_iterator()]


def test_each_epoch_has_an_order_of_its_own_and_every_example_once():
    first, second = np.concatenate(orders(range(2))).reshape(2, 64)
    assert sorted(first) == sorted(second) == list(range(64))
    assert not np.array_equal(first, second)


def test_an_epoch_can_be_reached_without_those_before_it():
    assert np.array_equal(orders(range(3))[8:], orders(range(2, 3)))
    assert not np.array_equal(orders(range(1)), orders(range(1), seed=2))


def test_the_history_names_its_best_epoch(tmp_path):
    rows = [
        {"epoch": n, "loss": 1.0, "accuracy": a, "val_loss": v, "val_accuracy": a}
        for n, (v, a) in enumerate([(3.0, 0.1), (1.0, 0.2), (2.0, 0.3)], 1)
    ]
    assert History.of(rows, "val_loss").best["epoch"] == 2
    history = History.of(rows, "val_accuracy")
    assert history.best["epoch"] == 3
    history.write_csv(tmp_path / "h.csv")
    assert (tmp_path / "h.csv").read_text().splitlines()[1] == "1,1.0,0.1,3.0,0.1"
    history.draw(tmp_path / "h.png", "x", get("classification").metric)
    assert (tmp_path / "h.png").stat().st_size > 5000


WIDE = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b", "c"), scale=1 / 255)


def first(split: Split, pipe: str | None, spec: TaskSpec = SPEC, epochs=range(1)):
    policy = Policy(pipe, 4) if pipe is not None else None
    batches = training_batches(split, spec, 50, epochs, 4, policy)
    return [np.concatenate(part) for part in zip(*batches.as_numpy_iterator())]


def test_a_policy_that_mixes_makes_labels_probabilities():
    x, y = first(TRAIN, "shift(1) | mixup", WIDE)
    assert y.shape == (200, 3) and y.dtype == np.float32
    np.testing.assert_allclose(y.sum(axis=1), 1, atol=1e-5)
    assert ((y > 0.01) & (y < 0.99)).any()
    bright = x.mean(axis=(1, 2, 3))
    assert np.corrcoef(bright, y[:, 1])[0, 1] > 0.9


def test_it_learns_from_mixed_examples():
    model = registry.build("cnn", {"width": 0.25}, SPEC, 4)
    settings = FitSettings(epochs=6, learning_rate=5e-3)
    policy = Policy("mixup(0.3) | cutmix", 4)
    history = fit(
        model, FitData(SPEC, TRAIN, VALIDATION, policy), settings, FitContext(4)
    )
    assert history.best["val_accuracy"] > 0.9
    probability = tf.nn.softmax(model(SPEC.to_input(VALIDATION.x))).numpy()
    right = probability[np.arange(len(VALIDATION)), VALIDATION.y]
    assert -np.log(right).mean() == pytest.approx(history.best["val_loss"], rel=1e-3)


def test_class_weights_become_weights_of_examples():
    weighted = replace(TRAIN, class_weights=(0.5, 3.0))
    _, y, weights = first(weighted, None)
    assert np.array_equal(weights, np.where(y == 1, np.float32(3), np.float32(0.5)))
    _, soft, weights = first(weighted, "mixup")
    np.testing.assert_allclose(weights, soft @ [0.5, 3.0], rtol=1e-5)


def test_weights_shift_what_is_learnt_to_the_heavy_class():
    rng = np.random.default_rng(1)
    x = rng.integers(0, 255, (200, 8, 8, 1), np.uint8)  # says nothing of the class
    plain = Split(x, (np.arange(200) < 40).astype(np.int64))
    heavy = replace(plain, class_weights=(0.1, 5.0))
    guesses = []
    for split_ in (plain, heavy):
        model = registry.build("cnn", {"width": 0.25}, SPEC, 4)
        settings = FitSettings(epochs=2, learning_rate=3e-3)
        fit(model, FitData(SPEC, split_, plain), settings, FitContext(4))
        guesses.append(model(SPEC.to_input(x)).numpy().argmax(axis=1).mean())
    assert guesses[0] < 0.3 and guesses[1] > 0.7


@pytest.mark.parametrize("pipe", [None, "flip | shift(1)", "mixup"])
def test_a_split_that_stays_on_the_disk_gives_the_same_batches(tmp_path, pipe):
    np.save(tmp_path / "x.npy", TRAIN.x)
    mapped = Split(np.load(tmp_path / "x.npy", mmap_mode="r"), TRAIN.y)
    assert is_whole_file(mapped.x) and not is_whole_file(mapped.x[5:])
    for one, other in zip(first(TRAIN, pipe), first(mapped, pipe)):
        assert np.array_equal(one, other)
    plain, read = (validation_batches(s, SPEC, 64) for s in (TRAIN, mapped))
    for one, other in zip(plain, read):
        assert np.array_equal(one[0], other[0]) and np.array_equal(one[1], other[1])


@pytest.mark.parametrize("part", [slice(50, 150), slice(None, None, -1)])
def test_a_part_of_a_split_on_the_disk_is_that_part(tmp_path, part):
    np.save(tmp_path / "x.npy", TRAIN.x)
    x = np.load(tmp_path / "x.npy", mmap_mode="r")[part]
    ones = first(Split(TRAIN.x[part], TRAIN.y[part]), None)
    for one, other in zip(ones, first(Split(x, TRAIN.y[part]), None)):
        assert np.array_equal(one, other)


def test_large_splits_stay_on_the_disk(tmp_path, monkeypatch):
    np.save(tmp_path / "train_x.npy", TRAIN.x)
    np.save(tmp_path / "train_y.npy", TRAIN.y)
    assert not isinstance(artifact.load_split(tmp_path, "train").x, np.memmap)
    monkeypatch.setattr(artifact, "MAPPED_ABOVE", 1000)
    assert isinstance(artifact.load_split(tmp_path, "train").x, np.memmap)


def test_word_numbers_reach_the_model_as_they_are():
    spec = TaskSpec("x", "x:x", (6,), "int32", ("a", "b"), modality="text")
    x = np.arange(60, dtype=np.int32).reshape(10, 6)
    batches = training_batches(Split(x, np.arange(10) % 2), spec, 5, range(1), 1, None)
    for words, _ in batches:
        assert words.dtype == tf.int32
    assert spec.to_input(x).dtype == np.int32


@pytest.mark.parametrize("pipe", ["shift(1)", "mixup"])
@pytest.mark.parametrize("weights", [None, (0.5, 2.0)])
def test_fine_tuning_on_tf_keras_takes_labels_and_weights_of_both_kinds(pipe, weights):
    import tf_keras

    from pipeline.compress.tfmot.callbacks import BuildVariables

    dense = tf_keras.layers.Dense(2)
    model = tf_keras.Sequential([tf_keras.layers.Flatten(input_shape=(8, 8, 1)), dense])
    train = replace(TRAIN, class_weights=weights)
    settings = FitSettings(epochs=10, learning_rate=0.02)
    history = keras_fit(
        model,
        FitData(SPEC, train, VALIDATION, Policy(pipe, 4)),
        settings,
        FitContext(4, callbacks=[BuildVariables(get("classification"))]),
        tf_keras,
    )
    assert history.rows[-1]["loss"] < history.rows[0]["loss"]
