"""The metric of a task: its name, its unit and its direction.

Imports no library, so that the command line can use it:

    metric = Metric("accuracy", "accuracy", change_unit="points", scale=100)
    metric.drop(0.97, baseline=0.98)     # 0.01, positive where the model is worse
    metric.change(-0.006)                # "-0.6 points"

`pipeline.metrics.task_metrics` computes values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf


@dataclass(frozen=True)
class Metric:
    """Name, unit, direction and bounds of the metric that models are compared by.

    Args:
        key: name in JSON, in CSV columns and in `monitor`.
        name: in text, such as `accuracy` or `R2`.
        change_unit: unit of a difference, such as `points`; default: the name.
        scale: factor of a difference in text: 100 for percentage points; default 1.
        higher_is_better: direction of the metric; default True.
        lowest: lower bound of its values, which clips intervals; default none.
        highest: upper bound of its values, which clips intervals; default none.
        by_estimate: a budget limits the drop itself; default False: the upper end of
            its interval.
    """

    key: str
    name: str
    change_unit: str = ""
    scale: float = 1.0
    higher_is_better: bool = True
    lowest: float = -inf
    highest: float = inf
    by_estimate: bool = False

    @property
    def unit(self) -> str:
        """Unit of a difference in text."""
        return self.change_unit or self.name

    @property
    def title(self) -> str:
        """Name at the beginning of a sentence."""
        return self.name[0].upper() + self.name[1:]

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is better."""
        return 1 if self.higher_is_better else -1

    def merit(self, value: float) -> float:
        """Return the value with the sign that makes higher better."""
        return self.sign * value

    def drop(self, value: float, baseline: float) -> float:
        """Return the loss against a baseline: positive where `value` is worse."""
        return self.sign * (baseline - value)

    def difference(self, drop: float) -> float:
        """Convert a drop to value minus baseline; no negative zero."""
        return drop + 0.0 if self.sign < 0 else 0.0 - drop

    def differences(self, drops: Sequence[float]) -> list[float]:
        """Convert the interval of a drop to the interval of a difference."""
        return sorted(map(self.difference, drops))

    def bound(self, baseline: float, max_drop: float) -> float:
        """Return the worst value within a maximum drop from the baseline."""
        return baseline - self.sign * max_drop

    def number(self, change: float, digits: int = 1) -> str:
        """Format a difference with sign, without unit: `-0.6` or `-0.006`.

        Args:
            change: value minus baseline.
            digits: decimals of a metric in points; other metrics get two more.
        """
        return f"{self.scale * change:+z.{self._digits(digits)}f}"

    def change(self, change: float, digits: int = 1) -> str:
        """Format a difference with sign and unit: `-0.6 points` or `-0.006 R2`."""
        return f"{self.number(change, digits)} {self.unit}"

    def bare(self, change: float) -> str:
        """Format a difference without sign and unit: `1.0` or `0.010`."""
        return f"{self.scale * change:.{self._digits(1)}f}"

    def amount(self, change: float) -> str:
        """Format a difference with unit, without sign: `1.0 points` or `0.010 R2`."""
        return f"{self.bare(change)} {self.unit}"

    def _digits(self, digits: int) -> int:
        return digits if self.scale > 1 else digits + 2
