"""Which trial wins: the best ones and the defaults, trained again over new seeds.

The best of many scores is partly luck. The seeds here are none that the search has
used, so their mean is what can be expected of a training with these values.
"""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any

from pipeline.core.determinism import derive_seed
from pipeline.tune.search import Search, Trial, rank


@dataclass(frozen=True)
class Finalist:
    """A trial with the scores of its further trainings (its own, if there are none).

    Args:
        merits: what the search makes large, of each.
        failed: why one of them failed.
    """

    trial: Trial
    scores: tuple[float, ...]
    merits: tuple[float, ...]
    failed: str | None = None

    @property
    def score(self) -> float:
        """The mean of the measure."""
        return statistics.fmean(self.scores)

    @property
    def spread(self) -> float | None:
        """The standard deviation over the seeds."""
        return statistics.stdev(self.scores) if len(self.scores) > 1 else None

    @property
    def standing(self) -> tuple[float, int]:
        """The mean merit; of equals, the earlier trial."""
        return statistics.fmean(self.merits), -self.trial.number


def candidates(search: Search) -> list[Trial]:
    """The trials that ended well, the best first."""
    ok = [trial for trial in search.trials if trial.status == "ok"]
    return sorted(ok, key=lambda trial: rank(search.params, trial, search.sign), reverse=True)


def finals(search: Search) -> list[Finalist]:
    """The finalists, the winner first; without new trainings if there is no choice.

    A finalist of which a training failed stands behind those of which none did.
    """
    ok = candidates(search)
    chosen = ok[: search.params.top]
    if search.params.top == 1 or len(ok) < 2:
        return [_alone(search, trial) for trial in chosen]
    chosen += [trial for trial in ok[search.params.top :] if trial.number == 0]
    results = _train_again(search, chosen)
    found = [_finalist(search, trial, results[trial.number]) for trial in chosen]
    return sorted(found, key=lambda one: (not one.failed, one.standing), reverse=True)


def _alone(search: Search, trial: Trial) -> Finalist:
    merit = search.merit(trial.result)
    return Finalist(trial, (trial.result["score"],), (merit,))


def _train_again(search: Search, chosen: list[Trial]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {t.number: [] for t in chosen}
    epochs = search.params.epochs
    waiting = {}
    for turn in range(search.params.seeds):
        for trial in chosen:
            key = f"{trial.number}/{turn}"
            seed = derive_seed(search.seed, "final", trial.number, turn)
            question = [trial.values, epochs, seed, []]
            if known := search.record.find(key, question):
                found[trial.number].append(known)
                continue
            waiting[key] = question
            search.workers.submit(key, search.train, *question)
    total = len(waiting)
    while waiting:
        outcome = search.workers.wait()
        result = outcome.value or {"status": "failed", "reason": outcome.error}
        search.record.add(outcome.key, waiting.pop(outcome.key), result)
        found[int(outcome.key.partition("/")[0])].append(result)
        search.finals = (total - len(waiting), total)
        search.tell(search)
    return found


def _finalist(search: Search, trial: Trial, results: list[Any]) -> Finalist:
    good = [one for one in results if one["status"] != "failed"]
    reasons = [one["reason"] for one in results if one["status"] == "failed"]
    if not good:
        alone = _alone(search, trial)
        return Finalist(trial, alone.scores, alone.merits, reasons[0])
    # In any order of ending the same sum.
    scores = sorted(one["score"] for one in good)
    merits = sorted(search.merit(one) for one in good)
    failed = reasons[0] if reasons else None
    return Finalist(trial, tuple(scores), tuple(merits), failed)
