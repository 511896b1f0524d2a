"""The training loop: learns, stops, keeps the best, repeats to the bit."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.engine.errors import StageFailed
from pipeline.fit.batches import MOST_FUSED, plan_steps, training_batches
from pipeline.fit.history import History
from pipeline.fit.loop import fit
from pipeline.fit.params import FitSettings
from pipeline.models import registry

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
        SPEC,
        TRAIN,
        VALIDATION,
        settings,
        seed=seed,
        policy=Policy("shift(1)", seed),
        loss=loss,
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
    with pytest.raises(StageFailed, match=r"loss became nan in epoch 1; lower"):
        run(loss=lambda y, logits: tf.reduce_sum(logits, axis=-1) * float("nan"))


@pytest.mark.parametrize("examples", [1, 5, 31, 32, 100, 1077, 45000, 60000])
@pytest.mark.parametrize("size", [1, 32, 128])
def test_calls_are_whole_and_leave_few_batches_out(examples, size):
    steps, fused = plan_steps(examples, size)
    whole = max(1, examples // size)
    assert steps % fused == 0
    assert 1 <= fused <= MOST_FUSED
    assert whole - steps <= whole // MOST_FUSED + 1


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
    history.draw(tmp_path / "h.png", "x")
    assert (tmp_path / "h.png").stat().st_size > 5000
