"""The search: an oracle in this process, each trial in a process of its own.

Trials end in any order; the oracle hears of them in the order of their numbers, and
proposes trial n when it has heard of all up to n - ahead and of no other. So what it
proposes, and when a trial is stopped, is a function of the seed and of results: the
same for any number of workers, and for a search that was killed and begun again.
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
from pipeline.engine.workers.pool import Outcome, TaskPool
from pipeline.tune.pareto import front, mixed
from pipeline.tune.oracles import Oracle, Proposal
from pipeline.tune.params import TuneParams
from pipeline.tune.record import Record
from pipeline.tune.early_termination import Past, bars

Values = dict[str, Any]
Result = dict[str, Any]
MOST_REFUSED = 4  # proposals for each trial that may be trained
TRAINED = ("ok", "stopped", "failed")


@dataclass
class Trial:
    """What was proposed, and what came of it (None until it has ended).

    Args:
        same: an earlier trial of the same values, which answers for this one.
    """

    number: int
    values: Values
    epochs: int
    seed: int
    bars: list[float | None]
    same: int | None = None
    result: Result | None = None

    @property
    def status(self) -> str | None:
        """`ok`, `stopped`, `failed`, `infeasible`, `duplicate`, or None as yet."""
        return self.result["status"] if self.result else None

    @property
    def question(self) -> Any:
        """All that its result depends on, but for the search's own settings."""
        return [self.values, self.epochs, self.seed, self.bars]


@dataclass
class Search:
    """One search.

    Args:
        train: `train(values, epochs, seed, bars, keep)`, run by the workers.
        costs: what a model of some values would cost, by itself; an error is a
            reason. Asked only where there are limits.
        models: folder for the trained models of the best trials.
        tell: called after each trial that ended, with the search.
        heard: how many trials the oracle knows the results of.
        closed: why nothing more is proposed.
        finals: trainings of finalists that are done, and all of them.
        sign: 1 where a higher score is better, -1 where a lower one is.
    """

    params: TuneParams
    seed: int
    oracle: Oracle
    train: Callable[..., Result]
    costs: Callable[[Values], Outcome]
    workers: TaskPool
    record: Record
    models: Path
    tell: Callable[[Search], None]
    trials: list[Trial] = field(default_factory=list)
    heard: int = 0
    closed: str = ""
    first: dict[str, int] = field(default_factory=dict)
    unimproved: int = 0
    finals: tuple[int, int] = (0, 0)
    begin: float = field(default_factory=time.monotonic)
    sign: int = 1

    def run(self) -> list[Trial]:
        """All trials, each with a result, in the order of their numbers."""
        while True:
            while self._may_propose() and self._propose():
                pass
            if self.heard == len(self.trials):
                return self.trials
            self._hear()

    @property
    def ended_early(self) -> str:
        """Why fewer trials were trained than asked for; nothing where all were."""
        return self.closed if len(self._asked()) < self.params.trials else ""

    @property
    def ended(self) -> list[Trial]:
        """Trials with a result, whether the oracle has heard of it or not."""
        return [trial for trial in self.trials if trial.result]

    @property
    def spent(self) -> float:
        """Minutes, those of an interrupted search among them."""
        return self.record.minutes + (time.monotonic() - self.begin) / 60

    def _may_propose(self) -> bool:
        over = self.params.minutes and self.spent >= self.params.minutes
        if over and len(self.trials) > self.record.last:  # what is known takes no time
            self.closed = f"{self.params.minutes:g} minutes are over"
        if len(self.trials) >= MOST_REFUSED * self.params.trials:
            self.closed = f"{len(self.trials)} proposals, too many of them refused"
        return (
            not self.closed
            and len(self.trials) - self.heard < self.params.ahead
            and len(self._asked()) < self.params.trials
        )

    def _asked(self) -> list[Trial]:
        """Trials that count: trained, or to be trained, and no duplicates."""
        asked = [t for t in self.trials if t.status in (None, *TRAINED)]
        return [t for t in asked if t.same is None]

    def _propose(self) -> bool:
        number = len(self.trials)
        if self.params.objective == "accuracy_and_size":
            self.oracle.rescore(mixed(self._rows(), self.seed, number, self.sign))
        proposal = self.oracle.propose(number)
        if proposal is None:
            self.closed = "" if self.oracle.waits else "the space has no more values"
            return False
        self.trials.append(self._trial(number, proposal))
        self._begin(self.trials[-1])
        return True

    def _trial(self, number: int, proposal: Proposal) -> Trial:
        epochs = proposal.epochs or self.params.epochs
        origin = number if proposal.origin is None else proposal.origin
        seed = derive_seed(self.seed, "trial", origin)
        rule = "none" if self.params.algorithm == "hyperband" else self.params.stop
        ask = bars(rule, [_past(t) for t in self._known()], epochs)
        return Trial(number, proposal.values, epochs, seed, ask)

    def _known(self) -> list[Trial]:
        """What the oracle has heard of and was trained."""
        return [t for t in self.trials[: self.heard] if t.status in ("ok", "stopped")]

    def _begin(self, trial: Trial) -> None:
        """Answer it from the record, refuse it, or have it trained."""
        key = canonical([trial.values, trial.epochs])
        if (earlier := self.first.setdefault(key, trial.number)) != trial.number:
            trial.same = earlier
            return
        name = str(trial.number)
        trial.result = self.record.find(name, trial.question)
        if trial.result is None and (refused := self._refused(trial.values)):
            self._keep(trial, refused)
        elif trial.result is None:
            self.workers.submit(name, self.train, *trial.question, self._model(trial))
        else:
            self.tell(self)

    def _model(self, trial: Trial) -> Path | None:
        return self.models / f"{trial.number}.keras" if self.params.keep else None

    def _refused(self, values: Values) -> Result | None:
        """A result for what is over a limit, or cannot be built."""
        limits = self.params.limits.given()
        if not limits:
            return None
        answer = self.costs(values)
        if answer.error:
            return {"status": "failed", "reason": answer.error}
        over = {name: answer.value[name] / most for name, most in limits.items()}
        worst = max(over, key=lambda name: over[name])
        if over[worst] <= 1:
            return None
        reason = f"{worst} {answer.value[worst]:,} is over {limits[worst]:,}"
        told = {"status": "infeasible", "reason": reason, "over": over[worst]}
        return {**answer.value, **told}

    def _hear(self) -> None:
        """Tell the oracle of the next trial in order, once that has ended."""
        trial = self.trials[self.heard]
        if trial.same is not None:
            reason = f"the values of trial {trial.same}"
            answer = self.trials[trial.same].result
            trial.result = {**answer, "status": "duplicate", "reason": reason}
        while trial.result is None:
            self._ended(self.workers.wait())
        self.oracle.learn(trial.number, self._score(trial.result))
        self.heard += 1
        self._improved(trial)
        self._prune()

    def _ended(self, outcome: Outcome) -> None:
        failed = {"status": "failed", "reason": outcome.error}
        self._keep(self.trials[int(outcome.key)], outcome.value or failed)

    def _keep(self, trial: Trial, result: Result) -> None:
        result = {**result, "minutes": round(self.spent, 3)}
        self.record.add(str(trial.number), trial.question, result)
        trial.result = result
        self.tell(self)

    def _score(self, result: Result) -> float:
        """For the oracle; what was refused or failed is below all, to steer it."""
        known = [self.merit(t.result) for t in self._known()]
        if result.get("score") is not None:
            return self.merit(result)
        low, high = min(known, default=0.0), max(known, default=1.0)
        return low - max(high - low, 0.01) * (1 + math.log(result.get("over", 1.0)))

    def _improved(self, trial: Trial) -> None:
        if trial.status not in TRAINED:
            return
        self.unimproved = 0 if self._leads(trial) else self.unimproved + 1
        if self.params.no_improvement and self.unimproved >= self.params.no_improvement:
            self.closed = f"{self.unimproved} trials brought no improvement"

    def _leads(self, trial: Trial) -> bool:
        """Whether the last trial is better than all before it, or on the front."""
        if trial.status == "failed":
            return False
        if self.params.objective == "accuracy_and_size":
            on_front = front(self._rows(), self.sign)
            return trial.number in {row["trial"] for row in on_front}
        others = [self.merit(t.result) for t in self._known()[:-1]]
        return self.merit(trial.result) > max(others, default=-math.inf)

    def merit(self, result: Result) -> float:
        """What the search maximizes."""
        return merit_of(self.params, result, self.sign)

    def _rows(self) -> list[Result]:
        return [{"trial": t.number, **t.result} for t in self._known()]

    def _prune(self) -> None:
        """Keep the models of the best trials only."""
        ok = [t for t in self._known() if t.status == "ok"]
        best = sorted(ok, key=lambda t: rank(self.params, t, self.sign), reverse=True)
        for trial in best[self.params.keep :]:
            (self.models / f"{trial.number}.keras").unlink(missing_ok=True)
        if self.trials[self.heard - 1].status != "ok":
            name = f"{self.heard - 1}.keras"
            (self.models / name).unlink(missing_ok=True)


def merit_of(params: TuneParams, result: Result, sign: int = 1) -> float:
    """What the search maximizes: the score, or the negative loss.

    Args:
        sign: 1 where a higher score is better, -1 where a lower one is.
    """
    return -result["loss"] if params.objective == "loss" else sign * result["score"]


def rank(params: TuneParams, trial: Trial, sign: int = 1) -> tuple[float, float]:
    """By merit; of equals the lower loss."""
    return merit_of(params, trial.result, sign), -trial.result["loss"]


def _past(trial: Trial) -> Past:
    return Past(trial.result["curve"], trial.status == "stopped")
