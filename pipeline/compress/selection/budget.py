"""Compare points of pareto.json with a budget.

In: the budget, the task's metric, and the measurements of a file. Out: how far the file
exceeds each limit, as a number and as text.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from pipeline.compress.selection import other_drops
from pipeline.compress.selection.other_drops import EPSILON, Loss
from pipeline.compress.selection.point import Point, VariantRow
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import DEFAULT, get

Times = Mapping[str, Mapping[str, float]]
# One percentage point over `max_drop` counts as much as a size over by half, so that
# the nearest miss is not a file that is small because it has lost its accuracy.
DROP_FACTOR = 50


@dataclass(frozen=True)
class Limits:
    """Limits of a file. One that is set, but was not measured, counts as exceeded.

    Args:
        max_drop: maximum loss of the metric, at the upper end of its interval where
            that was measured.
        max_bytes: maximum size in bytes, by `size_metric`; default None, no limit.
        max_arena: maximum bytes of the arena; default None, no limit.
        max_latency_ms: maximum median latency in milliseconds; default None, no limit.
        size_metric: the size that is compared: `flash` (default), `raw` or `gzip`.
        metric: metric of the task; default accuracy.
        latency: id -> `median` in milliseconds; default empty.
        task: name of the task, as in spec.json; default classification.
        max_drops: key of another metric -> maximum loss of it, at the upper end of its
            interval where that was measured; default none.
        guard: key of another metric -> maximum loss of it, without the interval;
            default none.
    """

    max_drop: float
    max_bytes: int | None = None
    max_arena: int | None = None
    max_latency_ms: float | None = None
    size_metric: str = "flash"
    metric: Metric = field(default_factory=lambda: get(DEFAULT).metric)
    latency: Times = field(default_factory=dict)
    task: str = DEFAULT
    max_drops: Mapping[str, float] = field(default_factory=dict)
    guard: Mapping[str, float] = field(default_factory=dict)

    @property
    def size_key(self) -> str:
        """Key of the compared size: `bytes_flash`, `bytes_raw` or `bytes_gzip`."""
        return f"bytes_{self.size_metric}"

    def size(self, row: VariantRow) -> int:
        """Return the compared size in bytes of a variant that has a file."""
        size: int = getattr(row, self.size_key)
        return size

    def value(self, row: VariantRow) -> float | None:
        """Return the task's metric on validation; None without a file."""
        return row.metrics[self.metric.key]

    def to_json(self) -> dict[str, Any]:
        """Return the budget as pareto.json holds it."""
        names = ("max_drop", "max_bytes", "max_arena", "max_latency_ms", "size_metric")
        others = {"max_drops": dict(self.max_drops), "guard": dict(self.guard)}
        return {
            **{name: getattr(self, name) for name in names},
            **{name: limits for name, limits in others.items() if limits},
        }

    def compared_drop(self, point: Point) -> float:
        """Return the drop that `max_drop` limits: the upper end, or the estimate."""
        return (point.drop or 0.0) if self.metric.by_estimate else point.upper_drop

    def excess(self, point: Point) -> float:
        """Measure how far a point exceeds the budget.

        Args:
            point: a point with a file.

        Returns:
            0 within the budget; otherwise the sum of the fractions by which size, arena
            and latency exceed their limits, plus one half for each 0.01 by which the
            drop does; infinity where a limited quantity was not measured, and for a
            file that the target does not run.
        """
        if point.refused:
            return math.inf
        over = DROP_FACTOR * max(
            0.0, self.compared_drop(point) - self.max_drop - EPSILON
        )
        over += sum(DROP_FACTOR * loss.excess for loss in self._losses(point))
        return over + sum(_over(*pair) for pair in self._costs(point).values())

    def _losses(self, point: Point) -> list[Loss]:
        """The losses of the other metrics that are limited."""
        return other_drops.losses(point, self.task, self.max_drops, self.guard)

    def describe(self) -> str:
        """Return the limits as text: `a drop of at most 1.0 points, 3.0 kB flash`."""
        phrases = [f"a drop of at most {self.metric.amount(self.max_drop)}"]
        phrases += other_drops.phrases(self.task, {**self.guard, **self.max_drops})
        if self.max_bytes:
            phrases.append(f"{_kilobytes(self.max_bytes)} {self.size_metric}")
        if self.max_arena:
            phrases.append(f"{_kilobytes(self.max_arena)} of arena")
        if self.max_latency_ms:
            phrases.append(f"{self.max_latency_ms:g} ms")
        return ", ".join(phrases)

    def violations(self, point: Point) -> list[str]:
        """Describe each limit that a point exceeds, with both numbers.

        Args:
            point: a point with a file.

        Returns:
            Phrases such as `bytes flash 300 (allowed: 290)`; none within the budget.
        """
        return self._phrases(point, self._drop_text, _cost_text)

    def excesses(self, point: Point) -> list[str]:
        """Name each quantity of a point that exceeds its limit, for a table.

        Args:
            point: a point with a file.

        Returns:
            Phrases such as `up to 4.2 points` (the upper end of the drop's interval)
            and `bytes gzip 12,300`, after why the target does not run the file; none
            within the budget.
        """
        return self._phrases(point, self._upper_drop_text, _value_text)

    def _phrases(
        self,
        point: Point,
        drop_text: Callable[[Point], str],
        cost_text: Callable[[str, float | None, float | None], str],
    ) -> list[str]:
        """A phrase per limit that is exceeded, after why the file does not run."""
        phrases = [point.refused] if point.refused else []
        if self.compared_drop(point) > self.max_drop + EPSILON:
            phrases.append(drop_text(point))
        phrases += [loss.text for loss in self._losses(point) if loss.excess > 0]
        costs = self._costs(point).items()
        return phrases + [cost_text(name, *c) for name, c in costs if _over(*c) > 0]

    def _upper_drop_text(self, point: Point) -> str:
        at_end = point.drop_interval and not self.metric.by_estimate
        prefix = "up to " if at_end else ""
        return prefix + self.metric.amount(self.compared_drop(point))

    def _drop_text(self, point: Point) -> str:
        interval = point.drop_interval
        upper = f", at most {self.metric.bare(interval[1])}" if interval else ""
        lost = f"{self.metric.amount(point.drop or 0.0)} lost"
        return f"{lost}{upper} (allowed: {self.metric.bare(self.max_drop)})"

    def _costs(self, point: Point) -> dict[str, tuple[float | None, float | None]]:
        """Name -> measured value and limit."""
        median = self.latency.get(point.id, {}).get("median")
        return {
            f"bytes {self.size_metric}": (self.size(point), self.max_bytes),
            "bytes of arena": (point.arena_bytes, self.max_arena),
            "latency in ms": (median, self.max_latency_ms),
        }


def read_limits(
    budget: Mapping[str, Any],
    metric: Metric,
    latency: Times | None = None,
    task: str = DEFAULT,
) -> Limits:
    """Build the limits of a budget.

    Args:
        budget: as the parameters or pareto.json hold it.
        metric: metric of the task.
        latency: id -> `median` in milliseconds; default None, not measured.
        task: name of the task; default classification.
    """
    return Limits(**budget, metric=metric, latency=latency or {}, task=task)


def _over(value: float | None, limit: float | None) -> float:
    if not limit:
        return 0.0
    return math.inf if value is None else max(0.0, value / limit - 1)


def _cost_text(name: str, value: float | None, limit: float | None) -> str:
    return f"{_value_text(name, value)} (allowed: {limit:,.6g})"


def _value_text(name: str, value: float | None, limit: float | None = None) -> str:
    return f"{name} unknown" if value is None else f"{name} {value:,.6g}"


def _kilobytes(count: int) -> str:
    return f"{count / 1000:.1f} kB" if count >= 1000 else f"{count} bytes"
