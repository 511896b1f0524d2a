"""Keras Tuner's four oracles, changed to depend only on their seed and on results.

Changes, and their reasons:

    all         nothing is written to the disk: the search has its own record; the
                first proposals are given (the defaults, an earlier search's best)
    grid        proposes without waiting: the whole space is known in advance
    bayesian    evaluates the acquisition function on all candidates at once, not from
                50 starts in turn, which took two seconds per proposal; a proposal that
                was tried before is replaced by a random one
    hyperband   trains a promoted trial from scratch: see `Oracle.propose`

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
OBJECTIVE = keras_tuner.Objective(SCORE, "max")
UNLIMITED = 2**31  # failures in a row before Keras Tuner gives up
CANDIDATES, NEIGHBOURS, ROUNDS = 1024, 128, 2  # of the acquisition function
MAX_FITTED = 96  # trials that the Gaussian process is fitted on; its cost is cubic


@dataclass(frozen=True)
class Proposal:
    """The values of a new trial.

    Args:
        values: hyperparameter -> value.
        epochs: maximum number of epochs; None if the algorithm does not decide.
        origin: number of the first trial of a promoted one, whose seed is used again.
    """

    values: Values
    epochs: int | None = None
    origin: int | None = None


class _SeededOracle:
    """Common to all oracles: initial proposals, and no files."""

    initial: list[Values]

    def _random_values(self) -> Values | None:
        while self.initial:
            values = self.initial.pop(0)
            if not self._duplicate(values):  # type: ignore[attr-defined]
                return values
        return super()._random_values()  # type: ignore[misc]

    def save(self) -> None:
        """Write nothing."""

    def _save_trial(self, trial: Any) -> None:
        """Write nothing."""


class _Random(_SeededOracle, RandomSearchOracle):
    """Independent draws."""


class _Grid(_SeededOracle, GridSearchOracle):
    """All combinations, starting with the defaults."""

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return the next combination, without waiting for results."""
        response = super().populate_space(trial_id)
        if response["status"] == "RUNNING" and trial_id not in self._populate_next:
            self._populate_next.append(trial_id)
        return response


class _Hyperband(_SeededOracle, HyperbandOracle):
    """Successive halving in several brackets."""


class _Bayesian(_SeededOracle, BayesianOptimizationOracle):
    """A Gaussian process and its upper confidence bound."""

    def _make_gpr(self) -> Any:
        regressor = super()._make_gpr()
        regressor.n_restarts_optimizer = 1
        return regressor

    def populate_space(self, trial_id: str) -> dict[str, Any]:
        """Return random values at first, then the most promising ones not yet tried."""
        done = [trial for trial in self.trials.values() if trial.status == "COMPLETED"]
        few = len(done) < self.num_initial_points
        if self.initial or few or not self._dimensions():
            return self._random_populate_space()
        values = self._vector_to_values(self._optimum())
        if self._duplicate(values):
            return self._random_populate_space()
        return {"status": "RUNNING", "values": values}

    def _optimum(self) -> np.ndarray:
        """Return the best of many candidates, then of many close to the best."""
        self._fit_process()
        points = self._random_state.uniform(size=(CANDIDATES, self._dimensions()))
        best = self._best(points)
        for turn in range(1, ROUNDS + 1):
            shape = (NEIGHBOURS, len(best))
            offsets = self._random_state.normal(0, 0.1**turn, shape)
            best = self._best(np.vstack([best, np.clip(best + offsets, 0, 1)]))
        return best

    def _fit_process(self) -> None:
        x, y = self._vectorize_trials()
        finite = np.nan_to_num(y, posinf=0, neginf=0)
        fitted = np.sort(np.argsort(finite, kind="stable")[:MAX_FITTED])
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a length scale at its bound is harmless
            self.gpr.fit(np.nan_to_num(x)[fitted], finite[fitted])

    def _best(self, points: np.ndarray) -> np.ndarray:
        mean, std = self.gpr.predict(points, return_std=True)
        return points[np.argmin(mean - self.beta * std)]

    def _dimensions(self) -> int:
        return len(self._nonfixed_space())


class Oracle:
    """One of the four algorithms: `propose`, then `learn`, in a fixed order.

    Args:
        algorithm: `random`, `grid`, `bayesian` or `hyperband`.
        space: Keras Tuner's configuration of the space.
        seed: seed of the proposals.
        initial: values that are proposed first.
        trials: expected number of trials.
        epochs: maximum number of epochs per trial.

    Attributes:
        waits: after `propose` returned None: a later call may return a proposal.
    """

    def __init__(
        self,
        algorithm: str,
        space: dict[str, Any],
        seed: int,
        initial: list[Values],
        trials: int,
        epochs: int,
    ):
        create = {
            "random": _random,
            "grid": _grid,
            "bayesian": _bayesian,
            "hyperband": _hyperband,
        }[algorithm]
        self.inner = create(space, seed, trials, epochs)
        self.inner.initial = list(initial)
        self.inner.verbose = 0
        self.open: dict[int, Any] = {}
        self.waits = False

    def propose(self, number: int) -> Proposal | None:
        """Propose the values of a trial.

        Hyperband trains a promoted trial from scratch, longer, with the same seed:
        Keras Tuner would continue from its weights with a new optimizer and a schedule
        for fewer epochs.

        Args:
            number: number of the trial.

        Returns:
            The proposal; None if there is none, for now (`waits`) or at all.
        """
        # A name per trial: with a name used before, Keras Tuner repeats the open trial.
        trial = self.inner.create_trial(f"trial{number}")
        self.waits = trial.status == "IDLE"
        if trial.status != "RUNNING":
            return None
        self.open[number] = trial
        return self._proposal(trial)

    def learn(self, number: int, score: float) -> None:
        """Receive the result of a proposed trial.

        Args:
            number: number of the trial.
            score: its merit; larger is better.
        """
        trial = self.open.pop(number)
        self.inner.update_trial(trial.trial_id, {SCORE: score})
        trial.status = "COMPLETED"
        self.inner.end_trial(trial)

    def rescore(self, scores: Callable[[int], float]) -> None:
        """Replace the scores of all finished trials, by another mix of objectives.

        Args:
            scores: number of a trial -> its merit.
        """
        for name, trial in self.inner.trials.items():
            if trial.status == "COMPLETED":
                trial.score = scores(int(name))

    def _proposal(self, trial: Any) -> Proposal:
        values = dict(trial.hyperparameters.values)
        ours = {k: v for k, v in values.items() if not k.startswith("tuner/")}
        promoted = values.get("tuner/trial_id")
        origin = None if promoted is None else self._origin(promoted)
        return Proposal(ours, values.get("tuner/epochs"), origin)

    def _origin(self, name: str) -> int:
        values = self.inner.trials[name].hyperparameters.values
        promoted = values.get("tuner/trial_id")
        return int(name) if promoted is None else self._origin(promoted)


def trials_per_pass(epochs: int) -> int:
    """Return the number of trials in one complete pass of Hyperband.

    Args:
        epochs: maximum number of epochs per trial.
    """
    inner = HyperbandOracle(OBJECTIVE, max_epochs=epochs, seed=1)
    brackets = range(inner._get_num_brackets())
    return sum(
        inner._get_size(bracket, turn)
        for bracket in brackets
        for turn in range(bracket + 1)
    )


def _common(space: dict[str, Any], seed: int) -> dict[str, Any]:
    return {
        "objective": OBJECTIVE,
        "hyperparameters": hyperparameters(space),
        "seed": seed,
        "max_consecutive_failed_trials": UNLIMITED,
    }


def _random(space: dict[str, Any], seed: int, trials: int, epochs: int) -> Any:
    return _Random(max_trials=None, **_common(space, seed))


def _grid(space: dict[str, Any], seed: int, trials: int, epochs: int) -> Any:
    return _Grid(**_common(space, seed))


def _bayesian(space: dict[str, Any], seed: int, trials: int, epochs: int) -> Any:
    """Start with random trials: a third, but at most one more than dimensions."""
    oracle = _Bayesian(max_trials=None, **_common(space, seed))
    random_trials = min(oracle._dimensions() + 1, math.ceil(trials / 3))
    oracle.num_initial_points = max(3, random_trials)
    return oracle


def _hyperband(space: dict[str, Any], seed: int, trials: int, epochs: int) -> Any:
    return _Hyperband(
        max_epochs=epochs, hyperband_iterations=UNLIMITED, **_common(space, seed)
    )
