"""Rows of a table with names, and maybe times and ratings.

In: a file of rows and the columns that are read. Out: the usable rows; bad ones are
reported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.quoting import listing, shown
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
        role: _column(file, name, f"data.{section}.{role}")
        for role, name in roles.items()
        if name is not None
    }
    rows, reader = NamedRows(), None
    for number, cells in file.rows():
        if len(cells) != len(file.header):
            bad(
                f"row {number}",
                f"has {len(cells)} values, the header {len(file.header)}",
            )
            continue
        names = tuple(cells[place[role]].strip() for role in columns)
        moment, rating, reason = 0.0, float("nan"), _missing(names, columns)
        if "time" in place:
            reader = reader or TimeReader(cells[place["time"]], None, None)
            moment, reason = _time(reader, cells[place["time"]], reason)
        if "value" in place:
            rating = float(file.numbers([cells[place["value"]]])[0])
            if np.isnan(rating):
                cell = shown(cells[place["value"]])
                reason = reason or f'its {value} "{cell}" is not a number'
        if reason:
            bad(f"row {number}", reason)
            continue
        rows.numbers.append(number)
        rows.names.append(names)
        rows.times.append(moment)
        rows.values.append(rating)
    if not rows.names:
        raise UserError(f"{file.path}: no row can be used")
    return rows


def _column(file: RowFile, name: str, key: str) -> int:
    if name not in file.header:
        raise UserError(
            f'{file.path}: no column "{shown(name)}"{did_you_mean(name, file.header)} '
            f"(there are: {listing(file.header)}); set {key}"
        )
    return file.header.index(name)


def _missing(names: Sequence[str], columns: Mapping[str, str]) -> str:
    empty = [column for name, column in zip(names, columns.values()) if not name]
    if empty:
        return f"its {empty[0]} is empty"
    tabbed = [name for name in names if "\t" in name or "\n" in name]
    return f'"{shown(tabbed[0])}" holds a tab or a line break' if tabbed else ""


def _time(reader: TimeReader, cell: str, reason: str) -> tuple[float, str]:
    try:
        return reader.read(cell, None), reason
    except TimeError as error:
        return 0.0, reason or str(error)
