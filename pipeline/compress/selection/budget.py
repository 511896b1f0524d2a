"""A budget, as the points of pareto.json are held against it.

In: the budget, the task's score, and what was measured of a file. Out: how far the
file is over each limit, as a number and in words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import DEFAULT, get

Point = Mapping[str, Any]
Times = Mapping[str, Mapping[str, float]]
EPSILON = 1e-12  # 0.98 - 0.97 is a little more than 0.01
# One percentage point counts as much as a size over by half, so that the nearest
# miss is not one that has lost its accuracy to be small.
WEIGHT = 50


@dataclass(frozen=True)
class Limits:
    """What a file may cost.

    Args:
        max_drop: largest allowed loss of the score. It counts at the upper end of
            its interval, where that is known.
        max_bytes, max_arena, max_latency_ms: the largest allowed, or none. What is
            limited and was not measured does not keep to its limit.
        measure: which size counts, `gzip` or `raw`.
        score: the metric of the task.
        latency: id -> `median` in milliseconds.
        task: as spec.json names it.
    """

    max_drop: float
    max_bytes: int | None = None
    max_arena: int | None = None
    max_latency_ms: float | None = None
    measure: str = "gzip"
    score: Metric = field(default_factory=lambda: get(DEFAULT).metric)
    latency: Times = field(default_factory=dict)
    task: str = DEFAULT

    @property
    def size(self) -> str:
        """The column of the size that counts."""
        return f"bytes_{self.measure}"

    def budget(self) -> dict[str, Any]:
        """As parameters and pareto.json hold it."""
        names = ("max_drop", "max_bytes", "max_arena", "max_latency_ms", "measure")
        return {name: getattr(self, name) for name in names}

    def excess(self, point: Point) -> float:
        """How far a point is over the budget: 0 within it, 1 at twice the size.

        The sum of the part by which its size, arena and latency are over, and half
        for each percentage point of the drop.
        """
        over = WEIGHT * max(0.0, sure_drop(point) - self.max_drop - EPSILON)
        return over + sum(_over(*pair) for pair in self._costs(point).values())

    def words(self) -> str:
        """What is allowed: `a drop of at most 1.0 points, 3.0 kB gzip`."""
        told = [f"a drop of at most {self.score.amount(self.max_drop)}"]
        if self.max_bytes:
            told.append(f"{_kilobytes(self.max_bytes)} {self.measure}")
        if self.max_arena:
            told.append(f"{_kilobytes(self.max_arena)} of arena")
        if self.max_latency_ms:
            told.append(f"{self.max_latency_ms:g} ms")
        return ", ".join(told)

    def missed(self, point: Point) -> list[str]:
        """A phrase for each limit that a point does not keep to, with both numbers."""
        told = []
        if sure_drop(point) > self.max_drop + EPSILON:
            told.append(self._lost(point))
        for what, (value, limit) in self._costs(point).items():
            if _over(value, limit) > 0:
                known = "unknown" if value is None else f"{value:,.6g}"
                told.append(f"{what} {known} (allowed: {limit:,.6g})")
        return told

    def _lost(self, point: Point) -> str:
        high = point.get("drop_interval")
        sure = f", at most {self.score.bare(high[1])}" if high else ""
        lost = f"{self.score.amount(point['drop'])} lost"
        return f"{lost}{sure} (allowed: {self.score.bare(self.max_drop)})"

    def _costs(self, point: Point) -> dict[str, tuple[float | None, float | None]]:
        median = self.latency.get(point["id"], {}).get("median")
        return {
            f"bytes {self.measure}": (point[self.size], self.max_bytes),
            "bytes of arena": (point.get("arena_bytes"), self.max_arena),
            "latency in ms": (median, self.max_latency_ms),
        }


def read_limits(
    budget: Mapping[str, Any], score: Metric, latency: Times | None = None
) -> Limits:
    """The limits of a budget, as the parameters or pareto.json hold it."""
    return Limits(**budget, score=score, latency=latency or {})


def sure_drop(point: Point) -> float:
    """The drop that is not exceeded with 97.5 %, or the drop as measured."""
    interval = point.get("drop_interval")
    return max(interval[1], point["drop"]) if interval else point["drop"]


def _over(value: float | None, limit: float | None) -> float:
    if not limit:
        return 0.0
    return math.inf if value is None else max(0.0, value / limit - 1)


def _kilobytes(count: int) -> str:
    return f"{count / 1000:.1f} kB" if count >= 1000 else f"{count} bytes"
