"""The search: an oracle in this process, and each trial in its own process.

Trials end in any order. The oracle learns of them in the order of their numbers, and
proposes trial n when it has learned of all trials up to n - lookahead and no other. So
proposals and early terminations are a function of the seed and of results: the same for
any number of workers, and for a search that was killed and started again.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.determinism import derive_seed
from pipeline.core.json_io import canonical
from pipeline.core.wording import quantity
from pipeline.engine.workers.pool import Outcome, TaskPool
from pipeline.tune.early_termination import EarlierTrial, pruning_thresholds
from pipeline.tune.oracles import Oracle, Proposal
from pipeline.tune.params import TuneParams
from pipeline.tune.pareto import SIZE, Point, front, mixed_score
from pipeline.tune.record import Record

Values = dict[str, Any]
Result = dict[str, Any]
PROPOSALS_PER_TRIAL = 4  # a search with too many infeasible proposals ends
TRAINED = ("ok", "stopped", "failed")


@dataclass
class Trial:
    """One proposal and its result.

    Args:
        number: number of the trial, from 0.
        values: hyperparameter -> value.
        epochs: maximum number of epochs.
        seed: seed of the training.
        thresholds: merit to reach per epoch, see `tune.early_termination`.
        duplicate_of: earlier trial with the same values, whose result is used.
        result: what `Trainer` returned, or a reason; empty until the trial has ended.
    """

    number: int
    values: Values
    epochs: int
    seed: int
    thresholds: list[float | None]
    duplicate_of: int | None = None
    result: Result = field(default_factory=dict)

    @property
    def status(self) -> str | None:
        """`ok`, `stopped`, `failed`, `infeasible`, `duplicate`, or None if running."""
        return self.result.get("status")

    @property
    def request(self) -> list[Any]:
        """The arguments that the result depends on, besides the search's settings."""
        return [self.values, self.epochs, self.seed, self.thresholds]


@dataclass
class Search:
    """One search.

    Args:
        params: section `tune`.
        seed: seed of the stage.
        oracle: proposes values.
        train: `train(values, epochs, seed, thresholds, path)`, called by the workers.
        costs: values -> outcome with the costs of a model, or with an error; called
            only if there are limits.
        workers: runs the trainings.
        record: results on the disk.
        models: folder for the trained models of the best trials.
        report: called with the search after each trial that ended.
        trials: all trials, in the order of their numbers.
        learned: number of trials whose results the oracle has learned.
        stop_reason: why nothing more is proposed; empty if more is.
        first: canonical values -> first trial that has them.
        unimproved: number of trials since the last improvement.
        finals: finished trainings of finalists, and all of them.
        begin: start of the search, on the monotonic clock.
        sign: 1 where a higher score is better, -1 where a lower one is. Default 1.
    """

    params: TuneParams
    seed: int
    oracle: Oracle
    train: Callable[..., Result]
    costs: Callable[[Values], Outcome]
    workers: TaskPool
    record: Record
    models: Path
    report: Callable[[Search], None]
    trials: list[Trial] = field(default_factory=list)
    learned: int = 0
    stop_reason: str = ""
    first: dict[str, int] = field(default_factory=dict)
    unimproved: int = 0
    finals: tuple[int, int] = (0, 0)
    begin: float = field(default_factory=time.monotonic)
    sign: int = 1

    def run(self) -> list[Trial]:
        """Run the search.

        Returns:
            All trials with their results, in the order of their numbers.
        """
        while True:
            while self._may_propose() and self._propose():
                pass
            if self.learned == len(self.trials):
                return self.trials
            self._learn()

    @property
    def ended_early(self) -> str:
        """Why fewer trials than configured were trained; empty if all were."""
        return self.stop_reason if len(self._counted()) < self.params.trials else ""

    @property
    def ended(self) -> list[Trial]:
        """Trials with a result, whether or not the oracle has learned of it."""
        return [trial for trial in self.trials if trial.result]

    @property
    def spent(self) -> float:
        """Elapsed minutes, including those of an interrupted run."""
        return self.record.minutes + (time.monotonic() - self.begin) / 60

    def merit(self, result: Result) -> float:
        """Return the number that the search maximizes.

        Args:
            result: of a trained trial.
        """
        return merit_of(self.params, result, self.sign)

    def _may_propose(self) -> bool:
        minutes = self.params.minutes
        timeout = minutes and self.spent >= minutes
        if timeout and len(self.trials) > self.record.last:  # recorded ones are free
            self.stop_reason = f"the limit of {minutes:g} minutes is reached"
        if len(self.trials) >= PROPOSALS_PER_TRIAL * self.params.trials:
            self.stop_reason = (
                f"too many of {len(self.trials)} proposals are infeasible or duplicates"
            )
        return (
            not self.stop_reason
            and len(self.trials) - self.learned < self.params.lookahead
            and len(self._counted()) < self.params.trials
        )

    def _counted(self) -> list[Trial]:
        """Return the trials that count: trained or to be trained, no duplicates."""
        trials = [t for t in self.trials if t.status in (None, *TRAINED)]
        return [trial for trial in trials if trial.duplicate_of is None]

    def _propose(self) -> bool:
        number = len(self.trials)
        if self.params.objective == "accuracy_and_size":
            score = mixed_score(self._points(), self.seed, number, self.sign)
            self.oracle.rescore(score)
        proposal = self.oracle.propose(number)
        if proposal is None:
            waits = self.oracle.waits
            self.stop_reason = "" if waits else "the search space is exhausted"
            return False
        self.trials.append(self._trial(number, proposal))
        self._start(self.trials[-1])
        return True

    def _trial(self, number: int, proposal: Proposal) -> Trial:
        params = self.params
        epochs = proposal.epochs or params.epochs
        origin = number if proposal.origin is None else proposal.origin
        seed = derive_seed(self.seed, "trial", origin)
        # Hyperband terminates by itself: its trials have few epochs at first.
        prunes = params.algorithm != "hyperband"
        rule = params.early_termination if prunes else "none"
        earlier = [_earlier(trial) for trial in self._scored()]
        thresholds = pruning_thresholds(rule, earlier, epochs)
        return Trial(number, proposal.values, epochs, seed, thresholds)

    def _scored(self) -> list[Trial]:
        """Return the trials with a score that the oracle has learned of."""
        learned = self.trials[: self.learned]
        return [trial for trial in learned if trial.status in ("ok", "stopped")]

    def _start(self, trial: Trial) -> None:
        """Take the result from the record, refuse the trial, or have it trained."""
        key = canonical([trial.values, trial.epochs])
        if (earlier := self.first.setdefault(key, trial.number)) != trial.number:
            trial.duplicate_of = earlier
            return
        name = str(trial.number)
        trial.result = self.record.find(name, trial.request) or {}
        if trial.result:
            self.report(self)
        elif refused := self._refusal(trial.values):
            self._add(trial, refused)
        else:
            self.workers.submit(name, self.train, *trial.request, self._path(trial))

    def _path(self, trial: Trial) -> Path | None:
        path = self.models / f"{trial.number}.keras"
        return path if self.params.keep_models else None

    def _refusal(self, values: Values) -> Result | None:
        """Return the result of a model above a limit, or that cannot be built."""
        limits = self.params.limits.configured()
        if not limits:
            return None
        outcome = self.costs(values)
        if outcome.error:
            return outcome.failure
        costs = outcome.value
        ratios = {name: costs[name] / limit for name, limit in limits.items()}
        worst = max(ratios, key=lambda name: ratios[name])
        if ratios[worst] <= 1:
            return None
        reason = f"{worst} {costs[worst]:,} is over the limit of {limits[worst]:,}"
        infeasible = {"status": "infeasible", "reason": reason, "over": ratios[worst]}
        return {**costs, **infeasible}

    def _learn(self) -> None:
        """Wait for the next trial in order, and pass its result to the oracle."""
        trial = self.trials[self.learned]
        if trial.duplicate_of is not None:
            reason = f"same values as trial {trial.duplicate_of}"
            result = self.trials[trial.duplicate_of].result
            trial.result = {**result, "status": "duplicate", "reason": reason}
        while not trial.result:
            self._end(self.workers.wait())
        self.oracle.learn(trial.number, self._score(trial.result))
        self.learned += 1
        self._count_unimproved(trial)
        self._delete_models()

    def _end(self, outcome: Outcome) -> None:
        trial = self.trials[int(str(outcome.key))]
        self._add(trial, outcome.value or outcome.failure)

    def _add(self, trial: Trial, result: Result) -> None:
        result = {**result, "minutes": round(self.spent, 3)}
        self.record.add(str(trial.number), trial.request, result)
        trial.result = result
        self.report(self)

    def _score(self, result: Result) -> float:
        """Return the merit for the oracle; below all others if it was not trained."""
        merits = [self.merit(trial.result) for trial in self._scored()]
        if result.get("score") is not None:
            return self.merit(result)
        low, high = min(merits, default=0.0), max(merits, default=1.0)
        return low - max(high - low, 0.01) * (1 + math.log(result.get("over", 1.0)))

    def _count_unimproved(self, trial: Trial) -> None:
        if trial.status not in TRAINED:
            return
        self.unimproved = 0 if self._improves(trial) else self.unimproved + 1
        if self.params.no_improvement and self.unimproved >= self.params.no_improvement:
            self.stop_reason = f"no improvement in {quantity(self.unimproved, 'trial')}"

    def _improves(self, trial: Trial) -> bool:
        """Return whether the last trial is better than all others, or on the front."""
        if trial.status == "failed":
            return False
        if self.params.objective == "accuracy_and_size":
            optimal = front(self._points(), self.sign)
            return trial.number in {point.trial for point in optimal}
        others = [self.merit(other.result) for other in self._scored()[:-1]]
        return self.merit(trial.result) > max(others, default=-math.inf)

    def _points(self) -> list[Point]:
        scored = self._scored()
        return [Point(t.number, t.result["score"], t.result[SIZE]) for t in scored]

    def _delete_models(self) -> None:
        """Keep the models of the best trials only."""
        ok = [trial for trial in self._scored() if trial.status == "ok"]
        best = sorted(ok, key=lambda t: rank(self.params, t, self.sign), reverse=True)
        deleted = [trial.number for trial in best[self.params.keep_models :]]
        if self.trials[self.learned - 1].status != "ok":
            deleted.append(self.learned - 1)
        for number in deleted:
            (self.models / f"{number}.keras").unlink(missing_ok=True)


def merit_of(params: TuneParams, result: Result, sign: int = 1) -> float:
    """Return the number that a search maximizes: the score, or the negative loss.

    Args:
        params: section `tune`.
        result: of a trained trial.
        sign: 1 where a higher score is better, -1 where a lower one is. Default 1.
    """
    return -result["loss"] if params.objective == "loss" else sign * result["score"]


def rank(params: TuneParams, trial: Trial, sign: int = 1) -> tuple[float, float]:
    """Return a sort key of a trained trial: its merit, then the lower loss.

    Args:
        params: section `tune`.
        trial: a trained trial.
        sign: 1 where a higher score is better, -1 where a lower one is. Default 1.
    """
    return merit_of(params, trial.result, sign), -trial.result["loss"]


def _earlier(trial: Trial) -> EarlierTrial:
    return EarlierTrial(trial.result["curve"], trial.status == "stopped")
