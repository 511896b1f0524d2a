"""The search: defaults first, distinct values, the same with any workers."""

from __future__ import annotations

import os
import signal

from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.tune.search import proposals, run_trials
from pipeline.tune.space import space_config

SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b", "c"))


def space(choices: int = 3) -> dict:
    hp = HyperParameters()
    hp.Float("learning_rate", 1e-4, 1e-2, sampling="log", default=1e-3)
    hp.Choice("filters", list(range(8, 8 + choices)))
    return hp.get_config()


def test_the_first_trial_is_the_defaults():
    first = next(proposals(space(), 5, seed=1))
    assert first == {"learning_rate": 1e-3, "filters": 8}


def test_proposals_are_distinct_and_a_function_of_the_seed():
    first, again, other = (list(proposals(space(), 8, seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert len({tuple(values.items()) for values in first}) == 8


def test_a_small_space_ends_before_the_trials_do():
    hp = HyperParameters()
    hp.Choice("filters", [1, 2, 3])
    found = [values["filters"] for values in proposals(hp.get_config(), 50, seed=1)]
    assert sorted(found) == [1, 2, 3]


def test_results_come_in_the_order_of_the_trials_for_any_workers():
    values = list(proposals(space(), 6, seed=1))
    runs = []
    for workers in (1, 3):
        told = []
        outcomes = run_trials(
            values,
            lambda n, v: (n, v["filters"]),
            workers,
            lambda d: told.append(len(d)),
        )
        runs.append([outcome.value for outcome in outcomes])
        assert told == [1, 2, 3, 4, 5, 6]
    assert runs[0] == runs[1] == [(n, v["filters"]) for n, v in enumerate(values)]


def test_a_trial_that_is_killed_is_recorded_and_the_others_finish():
    def trial(number, values):
        if number == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        return number

    outcomes = run_trials([{}, {}, {}], trial, 2, lambda done: None)
    assert [outcome.value for outcome in outcomes] == [0, None, 2]
    assert "SIGKILL" in outcomes[1].error


def test_the_space_holds_the_builders_hyperparameters_and_the_rate():
    values = space_config("cnn", SPEC)["values"]
    assert set(values) >= {"learning_rate", "filters", "dense", "dropout"}
