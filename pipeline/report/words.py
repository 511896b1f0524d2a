"""How numbers are written, on the page and in the card: as the terminal does."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from pipeline.report.variant_text import change, name, size
from pipeline.report.variant_text import span as span_of

# Keys of errors, whose size depends on the data.
OWN_UNIT = ("mae", "rmse", "threshold")


def accuracy(value: float) -> str:
    """A score or a fraction with three digits, such as 0.983."""
    return f"{value:.3f}"


def span(interval: Sequence[float] | None) -> str:
    """An interval of scores."""
    return " to ".join(map(accuracy, interval)) if interval else "unknown"


def amount(value: float) -> str:
    """A number in a unit of its own, with four digits that count."""
    return _plain(value, 4)


def ratio(value: float) -> str:
    """How many times smaller."""
    return f"{value:.1f}x"


def latency(milliseconds: float) -> str:
    """A time per example."""
    return f"{milliseconds:.3f} ms"


def number(count: int) -> str:
    """A count, with commas."""
    return f"{count:,}"


def short(text: str) -> str:
    """A number from a table with at most four digits; other text as it is."""
    return f"{float(text):.4g}" if re.fullmatch(r"-?\d*\.\d+(e-?\d+)?", text) else text


def chance(p: float) -> str:
    """The p of a test, with three digits."""
    return "below 0.001" if p < 0.001 else f"{p:.3f}"


def signed(value: float) -> str:
    """A difference of fractions with its sign and three digits."""
    return f"{value:+z.3f}"


def measured(value: float, key: str) -> str:
    """What was measured: an error in its own unit, or a score or a fraction."""
    return amount(value) if key in OWN_UNIT else accuracy(value)


def moved(value: float, key: str) -> str:
    """A difference of what was measured, with its sign.

    An error may be in any unit, small or large: of one, three digits that count.
    """
    if key not in OWN_UNIT:
        return signed(value)
    return _plain(value, 3, "+")


def reading(row: dict[str, Any]) -> str:
    """What the interval of a drop lets one say, in plain words."""
    if row["drop_interval"] is None:
        return "The test is too small for an interval."
    low, high = row["drop_interval"]
    if low > 0:
        return "The loss is more than chance: the interval leaves out zero."
    if high < 0:
        return "The gain is more than chance: the interval leaves out zero."
    return "The interval holds zero, so the test cannot tell it from the baseline."


def _plain(value: float, digits: int, sign: str = "") -> str:
    """That many digits that count; of a large number all before the point."""
    text = f"{value:{sign}z.{digits}g}"
    return text if abs(float(text)) < 10**digits else f"{value:{sign},.0f}"


_ALL = (
    *(accuracy, amount, chance, change, latency, name, number, ratio, reading),
    *(measured, moved, short, signed, size, span),
)
FILTERS = {function.__name__: function for function in _ALL} | {"span_of": span_of}
