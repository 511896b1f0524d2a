"""Keras Tuner's four oracles, made to depend on their seed and on results alone.

What is changed, and why:

    all         nothing is written to the disk: the record of the search is elsewhere;
                the first values are given (the defaults, an earlier search's best)
    grid        proposes without waiting: the whole space is known beforehand
    bayesian    the acquisition is evaluated on all candidates at once, not one by
                one from 50 starts, which took two seconds a proposal; a proposal that
                was tried is replaced by a random one
    hyperband   counts a promotion's epochs from its first one: see `proposal`

Bayesian: Snoek, Larochelle, Adams, Practical Bayesian Optimization of Machine
Learning Algorithms, 2012. Hyperband: Li et al., 2018.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras_tuner
import numpy as np
from keras_tuner.oracles import (
    BayesianOptimizationOracle,
    GridSearchOracle,
    HyperbandOracle,
    RandomSearchOracle,
)

from pipeline.tune.space import hyperparameters

Values = dict[str, Any]
SCORE = "score"
NEVER = 2**31  # failures in a row after which Keras Tuner would give up
CANDIDATES, NEAR, ROUNDS = 1024, 128, 2
REMEMBERED = 96  # trials that the Gaussian process is fitted on; its cost is cubic


@dataclass(frozen=True)
class Proposal:
    """What is to be tried.

    Args:
        epochs: at most; None where the algorithm does not say.
        origin: the first trial of a promoted one, whose seed it takes.
    """

    values: Values
    epochs: int | None = None
    origin: int | None = None


class _Ours:
    """What all oracles have in common."""

    given: list[Values]

    def _random_values(self) -> Values | None:
        while self.given:
            values = self.given.pop(0)
            if not self._duplicate(values):
                return values
        return super()._random_values()

    def save(self) -> None:
        """Nothing: the record is the truth."""

    def _save_trial(self, trial: Any) -> None:
        """Nothing: the record is the truth."""


class _Random(_Ours, RandomSearchOracle):
    """Independent draws."""


class _Grid(_Ours, GridSearchOracle):
    """All combinations, from the defaults on."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """The next combination; none waits for a result."""
        answer = super().populate_space(trial_id)
        if answer["status"] == "RUNNING" and trial_id not in self._populate_next:
            self._populate_next.append(trial_id)
        return answer


class _Hyperband(_Ours, HyperbandOracle):
    """Successive halving in several brackets."""


class _Bayesian(_Ours, BayesianOptimizationOracle):
    """A Gaussian process and its upper confidence bound."""

    def _make_gpr(self) -> Any:
        regressor = super()._make_gpr()
        regressor.n_restarts_optimizer = 1
        return regressor

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Random values at first, then the most promising ones not yet tried."""
        done = [one for one in self.trials.values() if one.status == "COMPLETED"]
        if self.given or len(done) < self.num_initial_points or not self._width():
            return self._random_populate_space()
        values = self._vector_to_values(self._optimum())
        if self._duplicate(values):
            return self._random_populate_space()
        return {"status": "RUNNING", "values": values}

    def _optimum(self) -> np.ndarray:
        """The best of many candidates, then of many near the best."""
        self._learn()
        points = self._random_state.uniform(size=(CANDIDATES, self._width()))
        best = self._best(points)
        for turn in range(1, ROUNDS + 1):
            around = self._random_state.normal(0, 0.1**turn, (NEAR, len(best)))
            best = self._best(np.vstack([best, np.clip(best + around, 0, 1)]))
        return best

    def _learn(self) -> None:
        x, y = self._vectorize_trials()
        finite = np.nan_to_num(y, posinf=0, neginf=0)
        kept = np.sort(np.argsort(finite, kind="stable")[:REMEMBERED])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a kernel's length at its bound is no news
            self.gpr.fit(np.nan_to_num(x)[kept], finite[kept])

    def _best(self, points: np.ndarray) -> np.ndarray:
        mean, deviation = self.gpr.predict(points, return_std=True)
        return points[np.argmin(mean - self.beta * deviation)]

    def _width(self) -> int:
        return len(self._nonfixed_space())


class Oracle:
    """One of the four, in this process: `propose`, then `learn`, in a fixed order.

    Args:
        space: Keras Tuner's configuration of the space.
        given: values that are proposed first.
        trials: about how many there will be.
        epochs: of a trial, at most.
    """

    def __init__(
        self,
        algorithm: str,
        space: dict[str, Any],
        seed: int,
        given: list[Values],
        trials: int,
        epochs: int,
    ):
        make = {
            "random": _random,
            "grid": _grid,
            "bayesian": _bayesian,
            "hyperband": _hyperband,
        }[algorithm]
        self.inner = make(space, seed, trials, epochs)
        self.inner.given = list(given)
        self.inner.verbose = 0
        self.open: dict[int, Any] = {}
        self.waits = False

    def propose(self, number: int) -> Proposal | None:
        """The values of trial `number`; None when there is none (now, if `waits`)."""
        # One name each: asked again by one name, it repeats the open trial.
        trial = self.inner.create_trial(f"trial{number}")
        self.waits = trial.status == "IDLE"
        if trial.status != "RUNNING":
            return None
        self.open[number] = trial
        return self._proposal(trial)

    def learn(self, number: int, score: float) -> None:
        """Tell how good trial `number` was; larger is better."""
        trial = self.open.pop(number)
        self.inner.update_trial(trial.trial_id, {SCORE: score})
        trial.status = "COMPLETED"
        self.inner.end_trial(trial)

    def rescore(self, scores: Callable[[int], float]) -> None:
        """Give every ended trial another score, such as another mix of objectives."""
        for name, trial in self.inner.trials.items():
            if trial.status == "COMPLETED":
                trial.score = scores(int(name))

    def _proposal(self, trial: Any) -> Proposal:
        """A promoted trial is trained anew, longer, from the same seed: Keras Tuner
        would go on from its weights with a new optimizer and a schedule that was
        made for fewer epochs."""
        values = dict(trial.hyperparameters.values)
        ours = {k: v for k, v in values.items() if not k.startswith("tuner/")}
        before = values.get("tuner/trial_id")
        origin = None if before is None else self._origin(before)
        return Proposal(ours, values.get("tuner/epochs"), origin)

    def _origin(self, name: str) -> int:
        values = self.inner.trials[name].hyperparameters.values
        before = values.get("tuner/trial_id")
        return int(name) if before is None else self._origin(before)


def passes(epochs: int) -> int:
    """Trials in one whole pass of Hyperband."""
    inner = HyperbandOracle(SCORE_MAX, max_epochs=epochs, seed=1)
    brackets = range(inner._get_num_brackets())
    return sum(inner._get_size(b, at) for b in brackets for at in range(b + 1))


SCORE_MAX = keras_tuner.Objective(SCORE, "max")


def _common(space: dict[str, Any], seed: int) -> dict[str, Any]:
    return {
        "objective": SCORE_MAX,
        "hyperparameters": hyperparameters(space),
        "seed": seed,
        "max_consecutive_failed_trials": NEVER,
    }


def _random(space: dict[str, Any], seed: int, trials: int, epochs: int) -> Any:
    return _Random(max_trials=None, **_common(space, seed))


def _grid(space: dict[str, Any], seed: int, trials: int, epochs: int) -> Any:
    return _Grid(**_common(space, seed))


def _bayesian(space: dict[str, Any], seed: int, trials: int, epochs: int) -> Any:
    """A third of the trials is random at first, at most one more than dimensions."""
    oracle = _Bayesian(max_trials=None, **_common(space, seed))
    oracle.num_initial_points = max(3, min(oracle._width() + 1, math.ceil(trials / 3)))
    return oracle


def _hyperband(space: dict[str, Any], seed: int, trials: int, epochs: int) -> Any:
    return _Hyperband(
        max_epochs=epochs, hyperband_iterations=NEVER, **_common(space, seed)
    )
