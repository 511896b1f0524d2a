"""The metric of a task: its name, its unit and its direction.

Imports no library, so that the command line can use it:

    metric = Metric("accuracy", "accuracy", unit="points", scale=100)
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
    """The number that decides between two models.

    Args:
        key: name in JSON, in CSV columns and in `monitor`.
        name: in text, such as `accuracy` or `R2`.
        unit: unit of a difference; the name if empty.
        scale: factor of a difference in text: 100 for percentage points.
        higher_is_better: direction of the metric.
        lowest, highest: bounds of its values; confidence intervals end there.
    """

    key: str
    name: str
    unit: str = ""
    scale: float = 1.0
    higher_is_better: bool = True
    lowest: float = -inf
    highest: float = inf

    def __post_init__(self) -> None:
        object.__setattr__(self, "unit", self.unit or self.name)

    @property
    def title(self) -> str:
        """The name at the beginning of a sentence."""
        return self.name[0].upper() + self.name[1:]

    @property
    def sign(self) -> int:
        """1 where higher is better, -1 where lower is."""
        return 1 if self.higher_is_better else -1

    def merit(self, value: float) -> float:
        """The value as a number that is better when it is higher."""
        return self.sign * value

    def drop(self, value: float, baseline: float) -> float:
        """Loss against a baseline: positive where `value` is worse."""
        return self.sign * (baseline - value)

    def difference(self, drop: float) -> float:
        """Value minus baseline, from a drop."""
        return drop + 0.0 if self.sign < 0 else 0.0 - drop

    def differences(self, drops: Sequence[float]) -> list[float]:
        """The interval of a difference, from the interval of a drop."""
        return sorted(map(self.difference, drops))

    def bound(self, baseline: float, max_drop: float) -> float:
        """The worst value that a largest allowed drop leaves."""
        return baseline - self.sign * max_drop

    def number(self, change: float, digits: int = 1) -> str:
        """A difference with its sign, without its unit: `-0.6` or `-0.006`.

        Args:
            digits: after the point, of a metric in points; two more of any other.
        """
        return f"{self.scale * change:+z.{self._digits(digits)}f}"

    def change(self, change: float, digits: int = 1) -> str:
        """A difference with its sign and its unit: `-0.6 points` or `-0.006 R2`."""
        return f"{self.number(change, digits)} {self.unit}"

    def bare(self, change: float) -> str:
        """A difference without sign and unit: `1.0` or `0.010`."""
        return f"{self.scale * change:.{self._digits(1)}f}"

    def amount(self, change: float) -> str:
        """A difference without its sign: `1.0 points` or `0.010 R2`."""
        return f"{self.bare(change)} {self.unit}"

    def _digits(self, digits: int) -> int:
        return digits if self.scale > 1 else digits + 2
