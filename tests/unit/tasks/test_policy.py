"""Policies: episodes of an environment, what is refused, and the metric."""

from __future__ import annotations

import sys
from typing import ClassVar

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.features import Standardise
from pipeline.experiment.loader import read_experiment
from pipeline.tasks.spec import TaskSpec

CARTPOLE = "data: {source: 'gym:CartPole-v1', task: policy}\n"
BALANCE = np.array([[0.0, 0.0], [0.0, 0.1], [0.0, 1.0], [0.0, 0.5]])  # falls: push
STEP = {"step": "standardise", "mean": [0.1] * 4, "deviation": [0.3] * 4}


def needs_gymnasium():
    pytest.importorskip("gymnasium", reason="gymnasium is not installed")


def spec_of(name: str = "CartPole-v1", **fields) -> TaskSpec:
    from pipeline.tasks.policy.episodes import inspect

    facts = inspect(name)
    fields = {"shape": (facts.size,), "target": facts.to_json(), **fields}
    common = {"dtype": "float32", "classes": (), "modality": "table"}
    return TaskSpec(name=name, source=f"gym:{name}", task="policy", **common, **fields)


def rows(seeds) -> np.ndarray:
    y = np.zeros((len(seeds), 8), np.float32)
    y[:, 0] = seeds
    return y


class TestEpisodes:
    @pytest.fixture(autouse=True)
    def _library(self):
        needs_gymnasium()

    def test_equal_seeds_give_equal_episodes_whatever_is_played_beside_them(self):
        from pipeline.tasks.policy.episodes import World, greedy, play

        world = World(spec_of())
        act = greedy(world, lambda x: x @ BALANCE[:, ::-1])
        several = play(world, [7, 8, 9], act)
        alone = play(world, [9], act, record=0)
        assert alone.returns[0] == several.returns[2] == len(alone.actions)
        assert len(set(several.returns)) > 1

    def test_a_policy_that_balances_is_above_random_actions_with_its_interval(self):
        from pipeline.tasks.policy.floor import FLOOR
        from pipeline.tasks.policy.metric import METRIC

        spec, y = spec_of(), rows(range(20))
        metric = METRIC(spec)
        assert metric.rollout is not None
        evidence = metric.rollout(lambda x: x @ BALANCE, y)
        random = FLOOR(spec).evidence(y, y)
        np.testing.assert_array_equal(random, FLOOR(spec).evidence(y[:0], y))
        interval = metric.interval(evidence, y, 200, 1)
        assert interval is not None
        assert 100 < interval[0] <= metric.value(evidence, y) <= interval[1] <= 500
        assert 10 < random.mean() < 40
        drop = metric.drop_interval(evidence, random, y, 1, 200)
        assert drop is not None and drop[0] > 0

    def test_observations_are_preprocessed_as_the_data_stage_does(self):
        from pipeline.tasks.policy.episodes import World

        world = World(spec_of(preprocess=(STEP,)))
        raw = np.random.default_rng(1).normal(size=(5, 4)).astype(np.float32)
        stored = Standardise((0.1,) * 4, (0.3,) * 4).apply(raw)
        np.testing.assert_array_equal(world.stored(raw), stored)

    def test_the_data_stage_collects_the_same_experience_for_equal_seeds(self):
        from pipeline.data.sources.gym_dataset import collect, scale
        from pipeline.tasks.policy.episodes import inspect

        facts = inspect("CartPole-v1")
        x, y = collect(facts, 120, seed=1)
        again, other = collect(facts, 120, seed=1), collect(facts, 120, seed=2)
        np.testing.assert_array_equal(x, again[0])
        np.testing.assert_array_equal(y, again[1])
        assert not np.array_equal(x, other[0])
        ended = y[:-1, 3] == 1
        np.testing.assert_array_equal(y[:-1, 4:][~ended], x[1:][~ended])
        learned = scale(facts, x)
        assert learned.mean[0] == 0 and learned.deviation[0] == pytest.approx(2.4)
        assert learned.deviation[1] == pytest.approx(x[:, 1].std(), rel=1e-5)

    def test_every_file_of_an_evaluation_is_compared_on_equal_seeds(self):
        from pipeline.tasks.policy.episodes import Played
        from pipeline.tasks.policy.evaluation import Episodes, compare

        spec, y = spec_of(), rows(range(4))
        before, after = (
            Episodes(spec, y, Played(np.array(returns, float), np.zeros(4, int)))
            for returns in ([500, 480, 500, 100], [500, 470, 500, 300])
        )
        row = compare(before, after, 200, 1).to_json()
        assert row["mean_return"] == 442.5 and row["drop"] == -47.5
        assert (row["lowest"], row["median"]) == (300, 485)
        assert (row["solved"], row["worse"]) == (0.5, 0.25)
        low, high = row["drop_interval"]
        assert low <= row["drop"] <= high

    def test_actions_are_named_as_the_environment_numbers_them(self):
        from pipeline.tasks.policy.prediction import PREDICTION

        spec = spec_of()
        outputs = np.array([[0.5, 1.5], [2.0, 1.0]], np.float32)
        (first, second) = PREDICTION.rows(outputs, outputs, spec, {})
        assert (first["action"], second["action"]) == ("1", "0")
        assert PREDICTION.text(first) == "action 1 (0: 0.5, 1: 1.5)"


class TestRefused:
    CASES: ClassVar = [
        ("CartPole-v1000", "no such environment is installed"),
        ("CartPol-v1", 'did you mean "CartPole-v1"'),
        ("not_a_module:Thing-v0", "no such environment is installed"),
        ("Pendulum-v1", "has continuous actions"),
        ("FrozenLake-v1", "its observations are no vectors"),
        ("Images-v0", "its observations are images"),
        ("Endless-v0", "may never end; set data.environment.max_steps"),
    ]

    @pytest.fixture
    def environments(self):
        needs_gymnasium()
        import gymnasium
        from gymnasium import spaces

        class Made(gymnasium.Env):
            def __init__(self, shape):
                self.observation_space = spaces.Box(0, 1, shape)
                self.action_space = spaces.Discrete(3, start=2)

        for name, shape in (("Images-v0", (8, 8, 3)), ("Endless-v0", (2,))):
            gymnasium.register(name, lambda shape=shape: Made(shape))
        yield
        for name in ("Images-v0", "Endless-v0"):
            del gymnasium.registry[name]

    @pytest.mark.parametrize(("name", "words"), CASES)
    def test_an_unsuitable_environment_is_one_clear_error(
        self, environments, name, words
    ):
        from pipeline.tasks.policy.episodes import inspect

        with pytest.raises(UserError) as error:
            inspect(name)
        assert f"gym:{name}" in str(error.value) and words in str(error.value)

    def test_a_limit_makes_every_episode_end(self, environments):
        from pipeline.tasks.policy.episodes import inspect

        facts = inspect("Endless-v0", max_steps=5)
        assert (facts.max_steps, facts.first, facts.actions) == (5, 2, 3)
        assert facts.to_json()["actions"] == ["2", "3", "4"]

    def test_a_missing_library_is_named_with_its_extra(self, monkeypatch):
        from pipeline.tasks.policy.episodes import inspect

        monkeypatch.setitem(sys.modules, "gymnasium", None)
        with pytest.raises(UserError, match=r"pip install .*\[policy\]"):
            inspect("CartPole-v1")

    TEXTS: ClassVar = [
        ("data: {source: 'csv:a.csv', task: policy}", "learns in an environment"),
        ("data: {source: 'gym:CartPole-v1'}", "set task to policy"),
        (CARTPOLE + "train: {folds: 3}", "train.folds: is for labels"),
        (CARTPOLE + "augment: {policy: jitter(0.1)}", "augment.policy: changes"),
        (CARTPOLE + "distill: {ema_momentum: 0.9}", "distill.ema_momentum"),
        (CARTPOLE + "train: {monitor: accuracy}", "monitor to loss or mean_return"),
        (
            "data: {source: 'sklearn:digits'}\ntrain: {q_learning: {steps: 5}}",
            "train.q_learning: is for a policy",
        ),
    ]

    @pytest.mark.parametrize(("text", "words"), TEXTS)
    def test_keys_that_make_no_sense_are_refused_when_read(self, tmp_path, text, words):
        (tmp_path / "experiment.yaml").write_text(text)
        with pytest.raises(UserError) as error:
            read_experiment(tmp_path, ())
        assert words in str(error.value)
