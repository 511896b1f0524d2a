"""A Keras Tuner oracle in this process, each trial in a process of its own.

Random search learns nothing from scores, so all proposals are drawn before the
first trial, and none depends on which trial ends first.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from typing import Any

import keras_tuner

from pipeline.engine.pool import Outcome, Pool

Values = dict[str, Any]


def proposals(space: dict[str, Any], trials: int, seed: int) -> Iterator[Values]:
    """The defaults, then distinct random values, at most `trials` in all."""
    hp = keras_tuner.HyperParameters.from_config(space)
    defaults = {part.name: part.default for part in hp.space}
    yield defaults
    oracle = keras_tuner.oracles.RandomSearchOracle(
        objective=keras_tuner.Objective("score", "max"),
        max_trials=trials,
        hyperparameters=hp,
        seed=seed,
    )
    with tempfile.TemporaryDirectory() as folder:
        oracle._set_project_dir(folder, "search")
        # One name each: asked again by one name, it repeats the open trial.
        for number in range(1, trials):
            trial = oracle.create_trial(f"trial{number}")
            if trial.status == "STOPPED":  # the space has no more values
                return
            if trial.hyperparameters.values != defaults:
                yield dict(trial.hyperparameters.values)


def run_trials(
    values: list[Values],
    trial: Callable[[int, Values], dict[str, Any]],
    workers: int,
    tell: Callable[[list[Outcome]], None],
) -> list[Outcome]:
    """Run `trial(number, values)` for each, `tell` after each; in trial order."""
    pool = Pool(workers)
    for number, one in enumerate(values):
        pool.submit(number, trial, number, one)
    done: list[Outcome] = []
    for outcome in pool.drain():
        done.append(outcome)
        tell(done)
    return sorted(done, key=lambda outcome: outcome.key)
