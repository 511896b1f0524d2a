"""Times of a table as whole numbers of steps.

In: the cells of a column of times. Out: numbers: seconds of UTC for dates, or the plain
numbers themselves; and a grid of equal steps (seconds, months of a calendar, or plain
numbers), on which a time is the number of steps since the first one.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np

NUMBER = re.compile(r"[-+]?\d+(\.\d*)?")
MONTH = re.compile(r"\d{4}-\d{2}")
SHORTEST_MONTH = 28 * 86_400
UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"), (1, "second"))


class TimeError(Exception):
    """A cell that is not a time; its text says why."""


@dataclass(frozen=True)
class TimeReader:
    """Reads the cells of a column of times.

    Args:
        first: the first cell, which decides how times are written.
        format: of `strptime`; None for ISO 8601 or numbers.
        timezone: of local times; None for UTC.
    """

    first: str
    format: str | None
    timezone: str | None

    @property
    def numeric(self) -> bool:
        """True if times are plain numbers."""
        return self.format is None and NUMBER.fullmatch(self.first.strip()) is not None

    def read(self, cell: str, previous: float | None) -> float:
        """Return a time as a number.

        Args:
            cell: its text.
            previous: the time before it in the same series; it tells which of the two
                hours is meant that have one name when daylight saving ends.

        Raises:
            TimeError: when the cell is not written as the first one.
        """
        text = cell.strip()
        if self.numeric:
            if NUMBER.fullmatch(text) is None:
                raise TimeError(self._unlike(text))
            return float(text)
        moment = self._moment(text)
        if moment.tzinfo is None:
            moment = self._in_zone(moment, previous)
        return moment.timestamp()

    def _moment(self, text: str) -> datetime:
        try:
            if self.format is not None:
                return datetime.strptime(text, self.format)
            if _shape(text) != _shape(self.first.strip()):
                raise TimeError(self._unlike(text))
            day = f"{text}-01" if MONTH.fullmatch(text) else text
            return datetime.fromisoformat(day)
        except ValueError:
            raise TimeError(self._unlike(text)) from None

    def _in_zone(self, moment: datetime, previous: float | None) -> datetime:
        if self.timezone is None:
            return moment.replace(tzinfo=UTC)
        zone = ZoneInfo(self.timezone)
        local = moment.replace(tzinfo=zone)
        if local.astimezone(UTC).astimezone(zone).replace(tzinfo=None) != moment:
            raise TimeError(
                f'its time "{moment}" does not exist in {self.timezone}, where '
                "daylight saving begins"
            )
        if previous is not None and local.timestamp() <= previous:
            return local.replace(fold=1)
        return local

    def _unlike(self, text: str) -> str:
        if self.format is not None:
            return f'its time "{text}" is not written as {self.format}'
        if not self.numeric and not _is_iso(self.first.strip()):
            return (
                f'its time "{text}" is not a date such as 2026-01-31 13:00, nor a '
                "number; set data.series.format, such as %d.%m.%Y"
            )
        return f'its time "{text}" is not written as the first, "{self.first.strip()}"'


@dataclass(frozen=True)
class TimeGrid:
    """Equal steps of time.

    Args:
        unit: `seconds`, `months` or `numbers`.
        step: of the grid, in the unit.
        origin: the first time, see `TimeReader`.
        timezone: in which times are written; None for UTC.
    """

    unit: str
    step: float
    origin: float
    timezone: str | None = None

    def positions(self, times: np.ndarray) -> np.ndarray:
        """Return steps since the origin, float64; a fraction is off the grid.

        Args:
            times: see `TimeReader`, `(n,)`.
        """
        if self.unit != "months":
            return (times - self.origin) / self.step
        months = np.array([_month(t) for t in times]) - _month(self.origin)
        return months / self.step

    def text(self, position: int) -> str:
        """Return a time as text, as ISO 8601 or a number.

        Args:
            position: steps since the origin.
        """
        if self.unit == "numbers":
            return f"{self.origin + position * self.step:.10g}"
        if self.unit == "seconds":
            return self._date(self.origin + position * self.step)
        first = datetime.fromtimestamp(self.origin, UTC)
        months = first.year * 12 + first.month - 1 + round(position * self.step)
        if _is_month_end(first):
            following = datetime((months + 1) // 12, (months + 1) % 12 + 1, 1)
            return (following - timedelta(days=1)).date().isoformat()
        return (
            first.replace(year=months // 12, month=months % 12 + 1).date().isoformat()
        )

    @property
    def words(self) -> str:
        """The step in words, such as `1 hour`."""
        if self.unit == "numbers":
            return f"{self.step:g}"
        if self.unit == "months":
            return f"{self.step:g} month{'s' if self.step != 1 else ''}"
        size, name = next((u for u in UNITS if not self.step % u[0]), UNITS[-1])
        return f"{self.step / size:g} {name}{'s' if self.step != size else ''}"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)

    def _date(self, seconds: float) -> str:
        zone = ZoneInfo(self.timezone) if self.timezone else UTC
        moment = datetime.fromtimestamp(seconds, zone)
        if self.timezone is None and not (self.step % 86_400 or seconds % 86_400):
            return moment.date().isoformat()
        return moment.isoformat(sep=" ").replace("+00:00", "Z")


def grid_of(
    series: Iterable[np.ndarray], numeric: bool, timezone: str | None = None
) -> TimeGrid:
    """Return the grid of the most frequent step.

    Args:
        series: times of each series, ascending, `(n,)`.
        numeric: times are plain numbers.
        timezone: for texts; default None.
    """
    parts = [times for times in series if len(times)]
    origin = float(min(times[0] for times in parts))
    if not numeric and _is_monthly(parts):
        months = [np.array([_month(t) for t in times]) for times in parts]
        return TimeGrid("months", _usual_step(months), origin, timezone)
    unit = "numbers" if numeric else "seconds"
    return TimeGrid(unit, _usual_step(parts), origin, timezone)


def _usual_step(parts: Sequence[np.ndarray]) -> float:
    """Return the most frequent difference; of equally frequent ones the smallest."""
    counts: Counter[float] = Counter()
    for times in parts:
        counts.update(np.round(np.diff(times), 9).tolist())
    if not counts:
        return 1.0
    return float(min(counts, key=lambda step: (-counts[step], step)))


def _is_monthly(parts: Sequence[np.ndarray]) -> bool:
    steps = np.concatenate([np.diff(times) for times in parts])
    if not len(steps) or steps.min() < SHORTEST_MONTH:
        return False
    moments = [datetime.fromtimestamp(t, UTC) for times in parts for t in times]
    days = {(m.day, m.hour, m.minute, m.second) for m in moments}
    return len(days) == 1 or all(map(_is_month_end, moments))


def _is_month_end(moment: datetime) -> bool:
    return (moment + timedelta(days=1)).day == 1


def _month(seconds: float) -> int:
    moment = datetime.fromtimestamp(seconds, UTC)
    return moment.year * 12 + moment.month - 1


def _shape(text: str) -> str:
    """Return how a time is written: its digits as `d`, fractions and zones unified."""
    text = re.sub(r"[.,]\d+", "", text)
    text = re.sub(r"(?<=\d)(Z|[-+]\d{2}:?\d{2})$", "z", text) if ":" in text else text
    return re.sub(r"\d", "d", text)


def _is_iso(text: str) -> bool:
    try:
        datetime.fromisoformat(f"{text}-01" if MONTH.fullmatch(text) else text)
    except ValueError:
        return False
    return True
