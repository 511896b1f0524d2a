"""Rows of a table with names, and maybe times and ratings.

In: a file of rows and the columns that are read. Out: the usable rows; bad ones are
reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.data.delimited import RowFile
from pipeline.data.series.times import TimeError, TimeReader

Bad = Callable[[str, str], None]  # (place, reason); raises, or lists what is left out


@dataclass
class NamedRows:
    """Usable rows of a table.

    Args:
        numbers: of the rows in the file.
        names: per row, the names that are read, without surrounding blanks.
        times: per row; all 0 without a column of times.
        values: per row, the rating; NaN without a column of ratings.
    """

    numbers: list[int] = field(default_factory=list)
    names: list[tuple[str, ...]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    values: list[float] = field(default_factory=list)


def read_rows(
    file: RowFile,
    columns: Mapping[str, str],
    bad: Bad,
    time: str | None = None,
    value: str | None = None,
    section: str = "interactions",
) -> NamedRows:
    """Read the usable rows of a file.

    Args:
        file: of rows.
        columns: role -> column of names, none of which may be empty.
        bad: called with a row and the reason why it cannot be used.
        time: column of times; default None.
        value: column of ratings; default None.
        section: of `data`, for errors.

    Raises:
        UserError: when a column is missing, or no row can be used.
    """
    roles = {**columns, "time": time, "value": value}
    place = {
        role: file.position(name, f"set data.{section}.{role}")
        for role, name in roles.items()
        if name is not None
    }
    rows, times = NamedRows(), _Times(place.get("time"))
    for number, cells in file.rows():
        if len(cells) != len(file.header):
            reason = f"has {len(cells)} values, the header {len(file.header)}"
            bad(f"row {number}", reason)
            continue
        names = tuple(cells[place[role]].strip() for role in columns)
        moment, late = times.read(cells)
        rating, odd = _rating(file, cells, place.get("value"))
        if reason := _missing(names, columns) or late or odd:
            bad(f"row {number}", reason)
            continue
        rows.numbers.append(number)
        rows.names.append(names)
        rows.times.append(moment)
        rows.values.append(rating)
    if not rows.names:
        raise UserError(f"{file.path}: no row can be used")
    return rows


class _Times:
    """Reads the column of times, if there is one; the first cell decides the form."""

    def __init__(self, position: int | None):
        self.position = position
        self.reader: TimeReader | None = None

    def read(self, cells: Sequence[str]) -> tuple[float, str]:
        """Return the time of a row, and why it cannot be read."""
        if self.position is None:
            return 0.0, ""
        cell = cells[self.position]
        self.reader = self.reader or TimeReader(cell, None, None)
        try:
            return self.reader.read(cell, None), ""
        except TimeError as error:
            return 0.0, str(error)


def _rating(
    file: RowFile, cells: Sequence[str], position: int | None
) -> tuple[float, str]:
    """Return the rating of a row, NaN without one, and why it cannot be read."""
    if position is None:
        return float("nan"), ""
    rating = float(file.numbers([cells[position]])[0])
    if not np.isnan(rating):
        return rating, ""
    cell = shown(cells[position])
    return rating, f'its {file.header[position]} "{cell}" is not a number'


def _missing(names: Sequence[str], columns: Mapping[str, str]) -> str:
    empty = [column for name, column in zip(names, columns.values()) if not name]
    if empty:
        return f"its {empty[0]} is empty"
    tabbed = [name for name in names if "\t" in name or "\n" in name]
    return f'"{shown(tabbed[0])}" holds a tab or a line break' if tabbed else ""
