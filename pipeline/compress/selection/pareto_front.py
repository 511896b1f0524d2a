"""Which variants are worth having, and which one the budget chooses.

Points are rows of pareto.json. Only a row with status `ok` can be on the frontier
or be chosen: a failed variant has no file, a broken one is not what it claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pipeline.compress.selection.budget import Limits

Point = Mapping[str, Any]


def dominated(points: Sequence[Point], limits: Limits) -> list[bool]:
    """Whether another point is at least as small and as good, and not equal.

    Args:
        points: rows with `status`, the score's key and the size's.
        limits: say which score and which size count.

    Returns:
        One flag per point; True as well for whatever is not `ok`.
    """
    usable = [point for point in points if _usable(point)]
    return [
        not _usable(point) or any(_beats(other, point, limits) for other in usable)
        for point in points
    ]


def choose(points: Sequence[Point], limits: Limits) -> Point | None:
    """The smallest point within the budget; of equals the best, then the first.

    Args:
        points: rows with `id`, `status`, `drop`, the score's key and the size's.
    """
    within = [p for p in points if _usable(p) and limits.excess(p) == 0]
    order = [(point[limits.size], -limits.score.merit(point[limits.score.key])) for point in within]
    return within[order.index(min(order))] if within else None


def nearest_miss(points: Sequence[Point], limits: Limits) -> Point | None:
    """The usable point that exceeds the budget least; None when none is usable."""
    usable = [point for point in points if _usable(point)]
    order = [(limits.excess(point), point[limits.size]) for point in usable]
    return usable[order.index(min(order))] if usable else None


def _usable(point: Point) -> bool:
    return point["status"] == "ok" and point["drop"] is not None


def _beats(one: Point, other: Point, limits: Limits) -> bool:
    size, metric = limits.size, limits.score
    gain = metric.drop(other[metric.key], one[metric.key])
    no_worse = one[size] <= other[size] and gain >= 0
    return no_worse and (one[size] < other[size] or gain > 0)
