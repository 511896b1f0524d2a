"""Which variants are worth having, and which one the budget chooses.

Points are rows of pareto.json. Only a row with status `ok` can be on the frontier
or be chosen: a failed variant has no file, a broken one is not what it claims.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Point = Mapping[str, Any]
EPSILON = 1e-12  # 0.98 - 0.97 is a little more than 0.01


def dominated(points: Sequence[Point], size: str) -> list[bool]:
    """Whether another point is at least as small and as accurate, and not equal.

    Args:
        points: rows with `status`, `accuracy` and the size's key.
        size: key of the size that counts, `bytes_gzip` or `bytes_raw`.

    Returns:
        One flag per point; True as well for whatever is not `ok`.
    """
    usable = [point for point in points if _usable(point)]
    return [
        not _usable(point) or any(_beats(other, point, size) for other in usable)
        for point in points
    ]


def choose(
    points: Sequence[Point],
    size: str,
    max_drop: float,
    max_bytes: int | None = None,
    **more: Any,
) -> Point | None:
    """The smallest point within the budget; of equals the most accurate, then first.

    Args:
        points: rows with `status`, `accuracy`, `drop` and the size's key.
        size: key of the size that counts.
        max_drop: largest allowed loss of accuracy, a fraction.
        max_bytes: largest allowed size, or none.
        more: as `excess` takes it.
    """
    within = [
        point
        for point in points
        if _usable(point) and excess(point, size, max_drop, max_bytes, **more) == 0
    ]
    order = [(point[size], -point["accuracy"]) for point in within]
    return within[order.index(min(order))] if within else None


def nearest_miss(
    points: Sequence[Point],
    size: str,
    max_drop: float,
    max_bytes: int | None = None,
    **more: Any,
) -> Point | None:
    """The usable point that exceeds the budget least; None when none is usable."""
    usable = [point for point in points if _usable(point)]
    order = [
        (excess(point, size, max_drop, max_bytes, **more), point[size])
        for point in usable
    ]
    return usable[order.index(min(order))] if usable else None


def excess(
    point: Point,
    size: str,
    max_drop: float,
    max_bytes: int | None = None,
    *,
    max_arena: int | None = None,
    max_latency_ms: float | None = None,
    latency: Mapping[str, Mapping[str, float]] | None = None,
) -> float:
    """How far a point is over the budget: 0 within it, 1 at twice the size.

    One percentage point of accuracy counts as much as a size over by half, so that
    the nearest miss is not one that has lost its accuracy to be small. The drop is
    the upper end of its interval, where that is known.

    Args:
        max_arena: largest allowed `arena_bytes`.
        max_latency_ms: largest allowed median of `latency[id]`.
    """
    over_drop = max(0.0, sure_drop(point) - max_drop - EPSILON)
    over = _over(point[size], max_bytes) + _over(point.get("arena_bytes"), max_arena)
    times = (latency or {}).get(point["id"], {}) if max_latency_ms else {}
    return 50 * over_drop + over + _over(times.get("median"), max_latency_ms)


def sure_drop(point: Point) -> float:
    """The drop that is not exceeded with 97.5 %, or the drop as measured."""
    interval = point.get("drop_interval")
    return max(interval[1], point["drop"]) if interval else point["drop"]


def _over(value: float | None, limit: float | None) -> float:
    return max(0.0, value / limit - 1) if limit and value is not None else 0.0


def _usable(point: Point) -> bool:
    return point["status"] == "ok" and point["drop"] is not None


def _beats(one: Point, other: Point, size: str) -> bool:
    no_worse = one[size] <= other[size] and one["accuracy"] >= other["accuracy"]
    better = one[size] < other[size] or one["accuracy"] > other["accuracy"]
    return no_worse and better
