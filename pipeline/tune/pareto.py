"""Score against size: the Pareto front, and one number for both during the search."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pipeline.core.determinism import derive_seed

SIZE = "bytes_int8"
LINEAR = 0.05  # weight of the plain sum in the mixed score, as in ParEGO


@dataclass(frozen=True)
class Point:
    """One trained trial in the plane of score and size.

    Args:
        trial: number of the trial.
        score: metric on validation.
        size: bytes of the int8 file, an estimate.
    """

    trial: int
    score: float
    size: int


def front(points: Sequence[Point], sign: int = 1) -> list[Point]:
    """Return the Pareto front, smallest first.

    Args:
        points: trained trials.
        sign: 1 where a higher score is better, -1 where a lower one is. Default 1.

    Returns:
        The points that no other point beats in both score and size; of equal points
        the earlier trial.
    """
    optimal: list[Point] = []
    for point in sorted(points, key=lambda p: (p.size, -sign * p.score, p.trial)):
        if not optimal or sign * (point.score - optimal[-1].score) > 0:
            optimal.append(point)
    return optimal


def mixed_score(
    points: Sequence[Point], seed: int, number: int, sign: int = 1
) -> Callable[[int], float]:
    """Return a function from a trial to one score for both accuracy and size.

    Different weights for each proposal spread the proposals along the front: the
    augmented Tchebycheff function of Knowles, ParEGO, 2006.

    Args:
        points: trained trials.
        seed: seed of the search.
        number: number of the proposal, for which weights are drawn.
        sign: 1 where a higher score is better, -1 where a lower one is. Default 1.

    Returns:
        Trial number -> score; a trial that is not in `points` is below all others.
    """
    weight = derive_seed(seed, "weight", number) / 2**31
    accuracy = _rescale({point.trial: sign * point.score for point in points})
    smallness = _rescale({point.trial: -math.log(point.size) for point in points})

    def score(trial: int) -> float:
        if trial not in accuracy:
            return -2.0
        shortfalls = (
            weight * (1 - accuracy[trial]),
            (1 - weight) * (1 - smallness[trial]),
        )
        return -max(shortfalls) - LINEAR * sum(shortfalls)

    return score


def _rescale(values: dict[int, float]) -> dict[int, float]:
    """Map values linearly to 0 for the lowest and 1 for the highest."""
    low, high = min(values.values(), default=0), max(values.values(), default=0)
    return {key: (value - low) / ((high - low) or 1.0) for key, value in values.items()}
