"""The winner of a search: finalists are trained again over new seeds.

The best of many scores is partly luck. The search has not used the seeds of the finals,
so their mean is an unbiased estimate of a training with these values.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from pipeline.core.determinism import derive_seed
from pipeline.tune.search import Result, Search, Trial, rank


@dataclass(frozen=True)
class Finalist:
    """A trial with the scores of its repeated trainings.

    Args:
        trial: the trial.
        scores: a score per seed; the trial's own if it was not trained again.
        merits: the number that the search maximizes, per seed.
        failed: why a repeated training failed, else None.
    """

    trial: Trial
    scores: tuple[float, ...]
    merits: tuple[float, ...]
    failed: str | None = None

    @property
    def score(self) -> float:
        """Mean score over the seeds."""
        return statistics.fmean(self.scores)

    @property
    def spread(self) -> float | None:
        """Standard deviation over the seeds; None for one training."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else None

    @property
    def rank(self) -> tuple[bool, float, int]:
        """No failure first, then the mean merit, then the earlier trial."""
        return not self.failed, statistics.fmean(self.merits), -self.trial.number


def completed_trials(search: Search) -> list[Trial]:
    """Return the trials that were trained to their end, the best first."""
    ok = [trial for trial in search.trials if trial.status == "ok"]
    return sorted(ok, key=lambda t: rank(search.params, t, search.sign), reverse=True)


def rank_finalists(search: Search) -> list[Finalist]:
    """Train the finalists again and rank them.

    Args:
        search: a finished search. With `finalists: 1`, or one completed trial, nothing
            is trained again.

    Returns:
        The finalists, the winner first; those with a failed training are last.
    """
    completed = completed_trials(search)
    count = search.params.finalists
    chosen = completed[:count]
    if count == 1 or len(completed) < 2:
        return [_from_search(search, trial) for trial in chosen]
    chosen += [trial for trial in completed[count:] if trial.number == 0]
    results = _train_again(search, chosen)
    finalists = [_finalist(search, trial, results[trial.number]) for trial in chosen]
    return sorted(finalists, key=lambda finalist: finalist.rank, reverse=True)


def _from_search(search: Search, trial: Trial) -> Finalist:
    merit = search.merit(trial.result)
    return Finalist(trial, (trial.result["score"],), (merit,))


def _train_again(search: Search, chosen: list[Trial]) -> dict[int, list[Result]]:
    """Train each trial over all seeds; results of an interrupted run are reused."""
    results: dict[int, list[Result]] = {trial.number: [] for trial in chosen}
    waiting = {}
    for key, request in _requests(search, chosen).items():
        if recorded := search.record.find(key, request):
            results[_trial_number(key)].append(recorded)
        else:
            waiting[key] = request
            search.workers.submit(key, search.train, *request)
    total = len(waiting)
    while waiting:
        outcome = search.workers.wait()
        key = str(outcome.key)
        result = outcome.value or outcome.failure
        search.record.add(key, waiting.pop(key), result)
        results[_trial_number(key)].append(result)
        search.finals = (total - len(waiting), total)
        search.report(search)
    return results


def _requests(search: Search, chosen: list[Trial]) -> dict[str, list[Any]]:
    """Return `trial/turn` -> arguments of a training without thresholds."""
    return {
        f"{trial.number}/{turn}": [
            trial.values,
            search.params.epochs,
            derive_seed(search.seed, "final", trial.number, turn),
            [],
        ]
        for turn in range(search.params.seeds)
        for trial in chosen
    }


def _trial_number(key: str) -> int:
    return int(key.partition("/")[0])


def _finalist(search: Search, trial: Trial, results: list[Result]) -> Finalist:
    succeeded = [result for result in results if result["status"] != "failed"]
    reasons = [result["reason"] for result in results if result["status"] == "failed"]
    if not succeeded:
        original = _from_search(search, trial)
        return Finalist(trial, original.scores, original.merits, reasons[0])
    # Sorted, so that the order in which trainings ended does not change the sum.
    scores = sorted(result["score"] for result in succeeded)
    merits = sorted(search.merit(result) for result in succeeded)
    failed = reasons[0] if reasons else None
    return Finalist(trial, tuple(scores), tuple(merits), failed)
