"""Tables of numbers over time: `csv:` and `parquet:` of a task with series, `predict`.

In: rows with a column of times and, maybe, one of series' names. Out: per series an
array of equal steps, in which a missing row or number is NaN.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing, shown
from pipeline.data.delimited import RowFile
from pipeline.data.series.times import TimeError, TimeGrid, TimeReader, grid_of
from pipeline.data.sources.series_params import SeriesParams
from pipeline.data.table_cells import is_gap

Bad = Callable[[str, str], None]  # (place, reason); raises, or lists what is left out
MAX_STEPS = 50_000_000  # of one series, missing ones included
DAYLIGHT = (
    "; local times with daylight saving repeat an hour: set data.series.timezone, or "
    "write the offset"
)


@dataclass(frozen=True)
class Series:
    """One series at equal steps of time.

    Args:
        name: of the series; empty for the only one.
        start: position of its first row on the grid.
        values: `(steps, columns)` float64; NaN where missing.
        labels: text of the label of each step, `(steps,)`; None without labels.
    """

    name: str
    start: int
    values: np.ndarray
    labels: np.ndarray | None = None

    @property
    def title(self) -> str:
        """Its name for messages."""
        return f'series "{shown(self.name)}"' if self.name else "the series"


@dataclass(frozen=True)
class SeriesTable:
    """All series of a file.

    Args:
        grid: of their times.
        series: in the order of the file.
    """

    grid: TimeGrid
    series: tuple[Series, ...]


@dataclass
class _Rows:
    """Usable rows of one series."""

    name: str
    numbers: list[int] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    cells: list[list[str]] = field(default_factory=list)
    labels: list[str] = field(default_factory=list)


def read_table(
    file: RowFile,
    params: SeriesParams,
    bad: Bad,
    ignored: list[str] | None = None,
) -> SeriesTable:
    """Read all series of a file.

    Args:
        file: of rows.
        params: roles of the columns.
        bad: called with a row and the reason why it cannot be used.
        ignored: columns that have no role; None accepts any other column.

    Raises:
        UserError: when the file is malformed, or has no usable row.
    """
    roles = roles_of(file, params, ignored)
    rows, reader = _by_series(file, roles, params, bad)
    parts = [part for part in rows if part.times]
    if not parts or reader is None:
        raise UserError(f"{file.path}: no row can be used")
    times = [np.array(part.times) for part in parts]
    grid = grid_of(times, reader.numeric, params.timezone)
    series = (_series(*pair, grid, file, params, bad) for pair in zip(parts, times))
    return SeriesTable(grid, tuple(series))


def roles_of(
    file: RowFile, params: SeriesParams, ignored: list[str] | None
) -> dict[str, int]:
    """Return name -> position of the columns that are read.

    Args:
        file: of rows.
        params: roles of the columns.
        ignored: columns that have no role; None accepts any other column.

    Raises:
        UserError: when a column is missing, or has no role.
    """
    wanted = {
        "data.series.time": [params.time],
        "data.series.id": [params.id or ""],
        "data.series.label": [params.label or ""],
    }
    wanted |= {
        f"data.series.{role}": getattr(params, role)
        for role in ("targets", "observed", "known")
    }
    names: dict[str, int] = {}
    for key, columns in wanted.items():
        for name in filter(None, columns):
            names[name] = file.position(name, f"set {key}")
    rest = [n for n in file.header if n not in names and n not in (ignored or ())]
    if ignored is not None and rest:
        raise UserError(
            f"{file.path}: the columns {listing(rest)} have no role; name them in "
            "data.series.observed (known up to the present), data.series.known (known "
            "in advance) or data.columns.ignore"
        )
    return names


def _by_series(
    file: RowFile, roles: dict[str, int], params: SeriesParams, bad: Bad
) -> tuple[list[_Rows], TimeReader | None]:
    """Collect the rows of each series; times must ascend."""
    series: dict[str, _Rows] = {}
    reader: TimeReader | None = None
    columns = [roles[name] for name in params.names]
    for number, row in _whole(file, bad):
        cell = row[roles[params.time]]
        reader = reader or TimeReader(cell, params.format, params.timezone)
        name = row[roles[params.id]].strip() if params.id else ""
        part = series.setdefault(name, _Rows(name))
        label = row[roles[params.label]] if params.label else ""
        reason = "has no name of a series" if params.id and not name else ""
        reason = "has no label" if params.label and not label.strip() else reason
        try:
            time = reader.read(cell, part.times[-1] if part.times else None)
            reason = reason or _order(time, cell, part)
        except TimeError as error:
            reason = str(error)
        if reason:
            bad(f"row {number}", reason)
            continue
        part.numbers.append(number)
        part.times.append(time)
        part.cells.append([row[k] for k in columns])
        part.labels.append(label)
    return list(series.values()), reader


def _whole(file: RowFile, bad: Bad) -> Iterator[tuple[int, list[str]]]:
    for number, row in file.rows():
        if len(row) == len(file.header):
            yield number, row
        else:
            bad(
                f"row {number}", f"has {len(row)} values, the header {len(file.header)}"
            )


def _order(time: float, cell: str, part: _Rows) -> str:
    """Return why a time cannot follow the one before it; empty if it can."""
    if not part.times or time > part.times[-1]:
        return ""
    series = f' in the series "{shown(part.name)}"' if part.name else ""
    before = part.numbers[-1]
    if time == part.times[-1]:
        return f'its time "{shown(cell)}" is that of row {before}{series}{DAYLIGHT}'
    return (
        f'its time "{shown(cell)}" is before that of row {before}{series}; sort the '
        "rows of a series by time"
    )


def _series(
    part: _Rows,
    times: np.ndarray,
    grid: TimeGrid,
    file: RowFile,
    params: SeriesParams,
    bad: Bad,
) -> Series:
    values, usable = _values(part, file, params, bad)
    positions = grid.positions(times)
    steps = np.round(positions).astype(np.int64)
    for k in np.flatnonzero(usable & (np.abs(positions - steps) > 1e-6)):
        bad(
            f"row {part.numbers[k]}",
            f"its time is not a multiple of the step, {grid.words}, after the first "
            f"time, {grid.text(0)}",
        )
        usable[k] = False
    steps, values = steps[usable], values[usable]
    if not len(steps):
        return Series(part.name, 0, np.empty((0, values.shape[1])))
    count = int(steps[-1] - steps[0]) + 1
    if count > MAX_STEPS:
        raise UserError(
            f"{file.path}: {count:,} steps of {grid.words} lie between the first and "
            f"the last time, and {MAX_STEPS:,} are the maximum; check the times"
        )
    dense = np.full((count, values.shape[1]), np.nan)
    dense[steps - steps[0]] = values
    labels = np.full(count, "", object)
    labels[steps - steps[0]] = np.array(part.labels, object)[usable]
    return Series(part.name, int(steps[0]), dense, labels if params.label else None)


def _values(
    part: _Rows, file: RowFile, params: SeriesParams, bad: Bad
) -> tuple[np.ndarray, np.ndarray]:
    """Return the numbers, `(n, columns)`, and which rows hold no other text."""
    columns = list(zip(*part.cells))
    values = np.stack([file.numbers(column) for column in columns], axis=1)
    usable = np.ones(len(values), bool)
    for row, column in np.argwhere(np.isnan(values)):
        cell = part.cells[row][column]
        if usable[row] and not is_gap(cell):
            name, text = params.names[column], shown(repr(cell))
            bad(f"row {part.numbers[row]}", f'column "{name}" is {text}, not a number')
            usable[row] = False
    return values, usable
