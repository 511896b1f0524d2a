"""Q-learning: the update against NumPy, the centered outputs, and a killed fit."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

pytest.importorskip("gymnasium", reason="gymnasium is not installed")

from pipeline.core.errors import UserError
from pipeline.data.artifact import Split
from pipeline.models import registry
from pipeline.tasks.policy.episodes import World, inspect
from pipeline.tasks.policy.training import TEMPERATURE, TRAINING
from pipeline.tasks.spec import TaskSpec
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.params import FitSettings, QLearning
from pipeline.training.q_learning.actors import Actors, Memory
from pipeline.training.q_learning.learner import Learner, centered, error_loss

SPEC = TaskSpec(
    name="CartPole-v1",
    source="gym:CartPole-v1",
    shape=(4,),
    dtype="float32",
    classes=(),
    modality="table",
    task="policy",
    target=inspect("CartPole-v1", max_steps=30).to_json(),
)
OPTIONS = QLearning(steps=24, actors=3, memory=100, warmup=20, target_period=7)
SETTINGS = FitSettings(
    epochs=4, batch_size=8, q_learning=OPTIONS, checkpoint_seconds=0.0, patience=9
)


def small_model(dropout: float = 0.0) -> keras.Model:
    values = {"units": 32, "layers": 1, "width": 0.25, "dropout": dropout}
    return registry.build("mlp", values, SPEC, 1)


def episodes(count: int) -> Split:
    y = np.zeros((count, 8), np.float32)
    y[:, 0] = np.arange(count)
    return Split(np.zeros((count, 4), np.float32), y)


def fitted(folder, callbacks=()):
    model = small_model(dropout=0.2)
    data = FitData(SPEC, episodes(3), episodes(3))
    context = FitContext(5, checkpoint_folder=folder, callbacks=callbacks)
    history = fit(model, data, SETTINGS, context)
    return model.get_weights(), history


class Killed(Exception):
    """Stands for a signal that ends the process."""


class KillAfter(keras.callbacks.Callback):
    def __init__(self, epoch: int):
        super().__init__()
        self.epoch = epoch

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.epoch:
            raise Killed


def test_a_killed_fit_resumes_to_the_bit(tmp_path):
    weights, history = fitted(tmp_path / "whole")
    with pytest.raises(Killed):
        fitted(tmp_path / "killed", [KillAfter(2)])
    resumed, continued = fitted(tmp_path / "killed")
    assert continued.rows == history.rows and len(history.rows) == 4
    for expected, received in zip(weights, resumed, strict=True):
        np.testing.assert_array_equal(received, expected)


def test_the_update_is_that_of_double_q_learning():
    model = small_model()
    settings = FitSettings(
        loss="mse", optimizer="sgd", momentum=0.0, q_learning=OPTIONS
    )
    learner = Learner(model, settings, 1)
    earlier = [w + 0.1 for w in model.get_weights()]
    learner.restore({"optimizer": [], "earlier": earlier, "average": []})
    rng = np.random.default_rng(1)
    x, following = rng.normal(size=(2, 6, 4)).astype(np.float32)
    actions, ended = rng.integers(2, size=6), np.float32([0, 0, 1, 0, 1, 0])
    rewards = np.ones(6, np.float32)
    copy = small_model()
    copy.set_weights(earlier)
    best = np.asarray(model(following)).argmax(axis=1)
    value = np.asarray(copy(following))[np.arange(6), best]
    goal = (1 - OPTIONS.discount) * rewards + OPTIONS.discount * (1 - ended) * value
    taken = np.asarray(model(x))[np.arange(6), actions]
    batch = (x, actions.astype(np.int32), rewards, ended, following)
    loss = learner.update(tuple(array[None] for array in batch), 0.0)
    assert loss == pytest.approx(float(((goal - taken) ** 2).mean()), rel=1e-5)


def test_the_copy_of_the_weights_is_renewed_after_its_period():
    model = small_model()
    learner = Learner(model, SETTINGS, 1)
    first = learner.state()["earlier"]
    batch = (
        np.ones((1, 2, 4), np.float32),
        np.zeros((1, 2), np.int32),
        np.ones((1, 2), np.float32),
        np.ones((1, 2), np.float32),
        np.ones((1, 2, 4), np.float32),
    )
    for update in range(1, OPTIONS.target_period + 1):
        learner.update(batch, 0.1)
        copied = [
            np.array_equal(a, b) for a, b in zip(learner.state()["earlier"], first)
        ]
        assert all(copied) == (update < OPTIONS.target_period)
    for copy, weight in zip(learner.state()["earlier"], model.get_weights()):
        np.testing.assert_array_equal(copy, weight)


def test_centered_outputs_choose_the_same_actions():
    model, x = small_model(), np.random.default_rng(2).normal(size=(9, 4))
    before = np.asarray(model(np.float32(x)))
    centered(model)
    after = np.asarray(model(np.float32(x)))
    np.testing.assert_allclose(after.sum(axis=1), 0, atol=1e-5)
    gaps = [outputs[:, 1] - outputs[:, 0] for outputs in (before, after)]
    np.testing.assert_allclose(*gaps, rtol=1e-5)


def test_actors_continue_where_they_were():
    rng = np.random.default_rng(3)
    moves = rng.integers(2, size=(60, 2))
    actors = Actors(World(SPEC), 2, 11)
    for actions in moves[:40]:
        actors.step(actions)
    resumed = Actors(World(SPEC), 2, 11)
    resumed.restore(actors.state())
    for actions in moves[40:]:
        expected, received = actors.step(actions), resumed.step(actions)
        np.testing.assert_array_equal(received.following, expected.following)
        np.testing.assert_array_equal(received.ended, expected.ended)
    assert resumed.numbers == actors.numbers and max(actors.numbers) > 0


def test_the_memory_forgets_the_oldest_transitions():
    actors, memory = Actors(World(SPEC), 3, 1), Memory(4, 4)
    first = actors.step(np.array([0, 1, 0]))
    memory.add(first)
    second = actors.step(np.array([1, 1, 1]))
    memory.add(second)
    assert len(memory) == 4
    states = memory.draw(np.arange(4))[0]
    expected = np.stack([*second.states[1:], first.states[2], second.states[0]])
    np.testing.assert_array_equal(states, expected)


def test_an_episode_that_is_cut_off_does_not_end_for_the_learner():
    spec = inspect("CartPole-v1", max_steps=3).to_json()
    actors = Actors(World(TaskSpec(**{**SPEC.__dict__, "target": spec})), 1, 1)
    ends = [actors.step(np.array([k % 2])).ended[0] for k in range(6)]
    assert ends == [0] * 6 and actors.numbers == [2]


def test_the_loss_of_policy_distillation_is_a_divergence_of_softened_values():
    rng = np.random.default_rng(4)
    values, logits = rng.normal(size=(2, 5, 3)) * 0.02
    rows = np.concatenate([np.zeros((5, 1)), values], axis=1)
    losses = TRAINING(SPEC).losses
    p = np.exp(values / TEMPERATURE)
    p /= p.sum(axis=1, keepdims=True)
    q = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
    expected = (p * np.log(p / q)).sum(axis=1)
    arguments = [tf.constant(a, tf.float32) for a in (rows, logits)]
    np.testing.assert_allclose(losses["kl"](*arguments), expected, rtol=1e-3)
    same = [tf.constant(a, tf.float32) for a in (rows, values / TEMPERATURE)]
    np.testing.assert_allclose(losses["kl"](*same), 0, atol=1e-5)
    np.testing.assert_allclose(
        losses["mse"](*arguments), ((values - logits) ** 2).mean(axis=1), rtol=1e-3
    )


def test_rewards_are_not_learned_by_a_loss_of_distributions():
    with pytest.raises(UserError, match="loss can be huber, mse"):
        error_loss(FitSettings(loss="kl"))
