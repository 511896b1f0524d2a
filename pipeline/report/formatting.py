"""Number formats of page, card and plot; the terminal uses the same.

In: numbers and rows of ExperimentData. Out: text. `FILTERS` are the filters of the
templates.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.core.wording import quantity
from pipeline.report.variant_text import change, name, size
from pipeline.report.variant_text import span as span_of

__all__ = ["FILTERS", "change", "name", "size", "span_of"]
# Keys of errors, which are in the unit of the data.
OWN_UNIT = ("mae", "rmse", "threshold")


def accuracy(value: float) -> str:
    """Format a metric or a fraction with three decimals: `0.983`."""
    return f"{value:.3f}"


def span(interval: Sequence[float] | None) -> str:
    """Format an interval of a metric: `0.970 to 0.991`, or `unknown`."""
    return " to ".join(map(accuracy, interval)) if interval else "unknown"


def amount(value: float) -> str:
    """Format a number in the unit of the data with four significant digits."""
    return _plain(value, 4)


def ratio(value: float) -> str:
    """Format a factor: `10.0x`."""
    return f"{value:.1f}x"


def latency(milliseconds: float) -> str:
    """Format a latency: `0.012 ms`."""
    return f"{milliseconds:.3f} ms"


def number(count: int) -> str:
    """Format a count with thousands separators: `9,999`."""
    return f"{count:,}"


def short(text: str) -> str:
    """Round a number in a text to four significant digits; keep any other text."""
    return f"{float(text):.4g}" if re.fullmatch(r"-?\d*\.\d+(e-?\d+)?", text) else text


def chance(p: float) -> str:
    """Format a p-value with three decimals: `0.042`, or `below 0.001`."""
    return "below 0.001" if p < 0.001 else f"{p:.3f}"


def signed(value: float) -> str:
    """Format a difference of fractions: `+0.012`."""
    return f"{value:+z.3f}"


def measured(value: float, key: str) -> str:
    """Format a measurement: an error in the unit of the data, or a metric.

    Args:
        value: the measurement.
        key: its key in evaluation.json.
    """
    return amount(value) if key in OWN_UNIT else accuracy(value)


def moved(value: float, key: str) -> str:
    """Format a change of a measurement, with its sign.

    Args:
        value: the change. One of an error gets three significant digits, since its
            unit may be small or large.
        key: the measurement's key in evaluation.json.
    """
    if key not in OWN_UNIT:
        return signed(value)
    return _plain(value, 3, "+")


def reading(row: dict[str, Any]) -> str:
    """Say in one sentence what the interval of a change allows to conclude.

    Args:
        row: a row of ExperimentData with `drop_interval`.
    """
    if row["drop_interval"] is None:
        return "The test split is too small for an interval."
    low, high = row["drop_interval"]
    if low > 0:
        return "The loss is statistically significant: the interval excludes zero."
    if high < 0:
        return "The gain is statistically significant: the interval excludes zero."
    return (
        "The difference is not statistically significant: the interval includes zero."
    )


def _plain(value: float, digits: int, sign: str = "") -> str:
    """Significant digits; a large number keeps all digits before the point."""
    text = f"{value:{sign}z.{digits}g}"
    return text if abs(float(text)) < 10**digits else f"{value:{sign},.0f}"


_ALL: tuple[Callable[..., str], ...] = (
    *(accuracy, amount, chance, change, latency, name, number, ratio, reading),
    *(measured, moved, quantity, short, signed, size, span),
)
FILTERS = {function.__name__: function for function in _ALL} | {"span_of": span_of}
