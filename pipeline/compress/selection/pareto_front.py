"""The Pareto front of metric and size, and the point that a budget chooses.

In: points of pareto.json, and limits. Out: flags, or one point. Only a point with
status `ok` can be on the front or be chosen: the others have no file, or a wrong one.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.compress.selection.budget import Limits
from pipeline.compress.selection.point import Point


def dominated(points: Sequence[Point], limits: Limits) -> list[bool]:
    """Find the points that another one beats: nowhere worse, and somewhere better.

    Args:
        points: all points.
        limits: define the metric and the size that are compared.

    Returns:
        One flag per point; True as well for a point that is not `ok`.
    """
    usable = [point for point in points if _usable(point)]
    return [
        not _usable(point) or any(_beats(other, point, limits) for other in usable)
        for point in points
    ]


def choose(points: Sequence[Point], limits: Limits) -> Point | None:
    """Choose the smallest point within the budget.

    Args:
        points: all points.
        limits: the budget.

    Returns:
        Of equally small points the best, then the one with the smallest download, then
        the first; None when none is within.
    """
    within = [p for p in points if _usable(p) and limits.excess(p) == 0]
    order = [
        (limits.size(point), -_merit(point, limits), point.bytes_gzip or 0)
        for point in within
    ]
    return within[order.index(min(order))] if within else None


def nearest_miss(points: Sequence[Point], limits: Limits) -> Point | None:
    """Find the point that exceeds the budget least.

    Args:
        points: all points.
        limits: the budget.

    Returns:
        Of equal points the smallest, then the first; None when none is `ok`.
    """
    usable = [point for point in points if _usable(point)]
    order = [(limits.excess(point), limits.size(point)) for point in usable]
    return usable[order.index(min(order))] if usable else None


def _usable(point: Point) -> bool:
    return point.status == "ok" and point.drop is not None


def _merit(point: Point, limits: Limits) -> float:
    return limits.metric.merit(point.metrics[limits.metric.key] or 0.0)


def _beats(point: Point, other: Point, limits: Limits) -> bool:
    size, other_size = limits.size(point), limits.size(other)
    gain = _merit(point, limits) - _merit(other, limits)
    no_worse = size <= other_size and gain >= 0
    return no_worse and (size < other_size or gain > 0)
