"""When a trial is not worth its remaining epochs, from trials before it.

In: for each earlier trial, how good it was after each epoch (larger is better).
Out: for each epoch, what a trial must have reached by then.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

FEWEST = 3  # earlier trials, before one is judged by them
GRACE = 0.2  # of the epochs, in which nobody is judged
FACTOR = 3  # of successive halving

Curve = Sequence[float]


@dataclass(frozen=True)
class Past:
    """An earlier trial: its curve, and whether it was itself stopped."""

    curve: Curve
    stopped: bool = False


def bars(rule: str, past: Sequence[Past], epochs: int) -> list[float | None]:
    """What to reach after each epoch; None where nobody is judged.

    Args:
        rule: `median` (Golovin et al., Google Vizier, 2017), `halving` (Jamieson,
            Talwalkar, Non-stochastic Best Arm Identification, 2016), or `none`.
    """
    if rule == "none" or len(past) < FEWEST:
        return [None] * epochs
    judged = _rungs(epochs) if rule == "halving" else _all(epochs)
    return [_bar(rule, past, at) if at in judged else None for at in range(epochs)]


def _bar(rule: str, past: Sequence[Past], at: int) -> float | None:
    seen = [best for one in past if (best := best_by(one, at)) is not None]
    if len(seen) < FEWEST:
        return None
    if rule == "median":
        return statistics.median(seen)
    return sorted(seen, reverse=True)[max(1, len(seen) // FACTOR) - 1]


def best_by(one: Past, at: int) -> float | None:
    """The best up to epoch `at`, counted from 0.

    A trial that ended by itself stays where it was; one that was stopped is not
    known any further.
    """
    if one.stopped and at >= len(one.curve):
        return None
    return max(one.curve[: at + 1], default=None)


def _all(epochs: int) -> range:
    return range(max(1, round(GRACE * epochs)), epochs - 1)


def _rungs(epochs: int) -> set[int]:
    """After a third of the epochs, a ninth, and so on."""
    found, left = set(), epochs // FACTOR
    while left >= 1:
        found.add(left - 1)
        left //= FACTOR
    return found
