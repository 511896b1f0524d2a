"""`dates:iso`: dates in many English formats, and the same dates in ISO 8601.

Made here from a fixed seed, nothing to download. Each day of two centuries occurs at
most once, in one format, so that no input and no target stands in two splits. Numbers
with points are day.month.year, with slashes month/day/year.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.pairs import Pair, examples_of, problem
from pipeline.data.sources.reader import ReadContext
from pipeline.data.sources.registry import check_known

FIRST, LAST = date(1900, 1, 1), date(2099, 12, 31)
SEED = 19
MONTHS = (
    *("January", "February", "March", "April", "May", "June", "July", "August"),
    *("September", "October", "November", "December"),
)
DAYS = (
    *("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
)


def read(context: ReadContext) -> Examples:
    """Read the pairs; see `SourceReader`."""
    check_known(context.source, context.key)
    params = context.params.pairs
    pairs = [Pair(row, *pair) for row, pair in enumerate(dates(params.count), 1)]
    for pair in pairs:
        if reason := problem(pair.text, pair.target, params):
            raise UserError(f"{context.source}: row {pair.row}: {reason}")
    return examples_of(pairs, context)


def dates(count: int) -> list[tuple[str, str]]:
    """Draw days without repetition, and a format for each.

    Args:
        count: number of pairs; the pairs of a smaller count are the first of a larger.

    Returns:
        `(date in some format, the same in ISO 8601)`.
    """
    generator = np.random.default_rng(SEED)
    days = generator.permutation((LAST - FIRST).days + 1)[:count]
    formats = np.random.default_rng(SEED + 1).integers(len(FORMATS), size=count)
    drawn = [FIRST + timedelta(days=int(day)) for day in days]
    return [(FORMATS[k](day), day.isoformat()) for k, day in zip(formats, drawn)]


def ordinal(day: int) -> str:
    """Return a day of the month with its English ending, such as 1st.

    Args:
        day: from 1 to 31.
    """
    endings = {1: "st", 2: "nd", 3: "rd"}
    return f"{day}{'th' if 11 <= day <= 13 else endings.get(day % 10, 'th')}"


def _month(day: date) -> str:
    return MONTHS[day.month - 1]


def _short(day: date) -> str:
    return _month(day)[:3]


def _weekday(day: date) -> str:
    return DAYS[day.weekday()]


FORMATS: tuple[Callable[[date], str], ...] = (
    lambda d: d.isoformat(),
    lambda d: f"{d.year}{d.month:02}{d.day:02}",
    lambda d: f"{d.year}/{d.month:02}/{d.day:02}",
    lambda d: f"{d.day:02}.{d.month:02}.{d.year}",
    lambda d: f"{d.day}.{d.month}.{d.year}",
    lambda d: f"{d.month}/{d.day}/{d.year}",
    lambda d: f"{d.day} {_month(d)} {d.year}",
    lambda d: f"{d.day:02} {_short(d).upper()} {d.year}",
    lambda d: f"{d.day}-{_short(d)}-{d.year}",
    lambda d: f"{_month(d)} {d.day}, {d.year}",
    lambda d: f"{_short(d)} {d.day}, {d.year}",
    lambda d: f"{_month(d)} {ordinal(d.day)}, {d.year}",
    lambda d: f"the {ordinal(d.day)} of {_month(d)} {d.year}",
    lambda d: f"{_weekday(d)}, {d.day} {_month(d)} {d.year}",
    lambda d: f"{_weekday(d)[:3]} {_short(d)} {d.day} {d.year}",
    lambda d: f"{d.year}, {_month(d)} {d.day}",
)
