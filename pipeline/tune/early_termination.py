"""Early termination of trials that are worse than earlier trials at the same epoch.

In: for each earlier trial, its merit after each epoch (larger is better). Out: for each
epoch, the merit that a new trial must have reached by then.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

MINIMUM_TRIALS = 3  # a median of fewer says little
GRACE = 0.2  # fraction of the epochs before the first decision: learning rates warm up
FACTOR = 3  # of successive halving, as in its paper

Curve = Sequence[float]


@dataclass(frozen=True)
class EarlierTrial:
    """A trial to compare with.

    Args:
        curve: merit after each epoch.
        stopped: whether the trial was itself terminated early; default False.
    """

    curve: Curve
    stopped: bool = False


def pruning_thresholds(
    rule: str, earlier: Sequence[EarlierTrial], epochs: int
) -> list[float | None]:
    """Return the merit that a trial must have reached after each epoch.

    Args:
        rule: `median` (Golovin et al., Google Vizier, 2017), `halving` (Jamieson,
            Talwalkar, Non-stochastic Best Arm Identification, 2016), or `none`.
        earlier: trials to compare with.
        epochs: number of epochs of the new trial.

    Returns:
        A threshold per epoch; None where the trial is never terminated.
    """
    if rule == "none" or len(earlier) < MINIMUM_TRIALS:
        return [None] * epochs
    decisions = _rungs(epochs) if rule == "halving" else _after_grace(epochs)
    return [
        _threshold(rule, earlier, epoch) if epoch in decisions else None
        for epoch in range(epochs)
    ]


def _threshold(rule: str, earlier: Sequence[EarlierTrial], epoch: int) -> float | None:
    bests = [best_until(trial, epoch) for trial in earlier]
    merits = [best for best in bests if best is not None]
    if len(merits) < MINIMUM_TRIALS:
        return None
    if rule == "median":
        return statistics.median(merits)
    return sorted(merits, reverse=True)[max(1, len(merits) // FACTOR) - 1]


def best_until(trial: EarlierTrial, epoch: int) -> float | None:
    """Return the best merit of a trial up to an epoch.

    Args:
        trial: an earlier trial.
        epoch: number of the epoch, from 0.

    Returns:
        The best merit; the last one of a shorter trial that ended by itself; None after
        the end of a trial that was terminated.
    """
    if trial.stopped and epoch >= len(trial.curve):
        return None
    return max(trial.curve[: epoch + 1], default=None)


def _after_grace(epochs: int) -> range:
    return range(max(1, round(GRACE * epochs)), epochs - 1)


def _rungs(epochs: int) -> set[int]:
    """Return the epochs after a third, a ninth, ... of all, from 0."""
    rungs, remaining = set(), epochs // FACTOR
    while remaining >= 1:
        rungs.add(remaining - 1)
        remaining //= FACTOR
    return rungs
