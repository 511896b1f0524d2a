"""CSV files, plain or gzip: shared by `csv:` and `text:`."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.core.errors import UserError, did_you_mean
from pipeline.data.extra_targets import as_values
from pipeline.data.sources.reader import ReadContext, finite

MAX_FIELD = 2**31 - 1  # characters; Python's own limit is 131,072


@dataclass(frozen=True)
class Table:
    """The rows of a file that have as many fields as its header.

    Args:
        path: of the file.
        header: names of the columns.
        rows: fields of each row.
        numbers: number of each row in the file; the header is row 1.
        key: dotted key of the experiment file that names the file, for errors.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    numbers: list[int]
    key: str = "data.source"

    def column(self, name: str, key: str) -> int:
        """Return the position of a column.

        Args:
            name: of the column.
            key: dotted key of the experiment file that names the column, for the error.

        Raises:
            UserError: when the file has no such column.
        """
        if name in self.header:
            return self.header.index(name)
        columns = ", ".join(self.header)
        advice = f"set {key}"
        if self.key != "data.source":  # the name fits the first source
            advice = f"name the columns of {self.key} as those of data.source"
        raise UserError(
            f'{self.path}: no column "{name}"{did_you_mean(name, self.header)} '
            f"(there are: {columns}); {advice}"
        )


def read_table(path: Path, context: ReadContext) -> Table:
    """Read a file whose first row names its columns.

    Args:
        path: of the CSV file, plain or gzip.
        context: the receiver of rows with a wrong number of fields.

    Raises:
        UserError: when the file is not CSV in UTF-8 or has no rows, or for a bad row.
    """
    records = _records(path)
    if len(records) < 2:
        raise UserError(f"{path}: must hold a row of column names and rows of values")
    header, table = records[0], Table(path, records[0], [], [], context.key)
    for number, row in enumerate(records[1:], 2):
        if len(row) == len(header):
            table.rows.append(row)
            table.numbers.append(number)
        elif row:
            reason = f"has {len(row)} values, the header {len(header)}"
            context.bad(f"row {number}", reason, path)
    return table


def keep_labelled(table: Table, label: int, context: ReadContext) -> Table:
    """Keep the rows with a usable label and usable extra targets.

    Args:
        table: all rows.
        label: position of the label column.
        context: the settings, and the receiver of bad rows.

    Raises:
        UserError: for a bad row, or when no row is left.
    """
    kept = []
    for position, (row, number) in enumerate(zip(table.rows, table.numbers)):
        reason = _bad_label(row[label], context) or _bad_target(row, table, context)
        if reason:
            context.bad(f"row {number}", reason, table.path)
        else:
            kept.append(position)
    return select_rows(table, kept)


def _bad_label(label: str, context: ReadContext) -> str:
    """Why a label cannot be used, or an empty text."""
    allowed = context.params.classes
    if not label.strip():
        return "has no label"
    if context.wants_numbers and finite(label) is None:
        return f"its label is {label!r}, not a number"
    if allowed is not None and label not in allowed:
        return context.outside(label)
    return ""


def _bad_target(row: list[str], table: Table, context: ReadContext) -> str:
    """Why an extra target cannot be used, or an empty text."""
    for name, kind in context.params.extra_targets.items():
        text = row[table.column(name, "data.extra_targets")]
        if (kind == "number" and finite(text) is None) or not text.strip():
            return f'column "{name}" is {text!r}, not a {kind}'
    return ""


def extra_targets(table: Table, context: ReadContext) -> dict[str, np.ndarray]:
    """Return the extra targets of all rows.

    Returns:
        Name -> `(n,)` of str for classes, float64 for numbers.
    """
    targets = {}
    for name, kind in context.params.extra_targets.items():
        column = table.column(name, "data.extra_targets")
        targets[name] = as_values([row[column] for row in table.rows], kind)
    return targets


def select_rows(table: Table, positions: Sequence[int]) -> Table:
    """Return the table with the rows at some positions.

    Raises:
        UserError: when there are none.
    """
    if not positions:
        raise UserError(f"{table.path}: no row can be used")
    rows = [table.rows[position] for position in positions]
    numbers = [table.numbers[position] for position in positions]
    return replace(table, rows=rows, numbers=numbers)


def groups(table: Table, context: ReadContext) -> np.ndarray | None:
    """Return the group of each row, `(n,)` of str; None without `data.split.group`."""
    group = context.params.split.group
    if group is None:
        return None
    column = table.column(group, "data.split.group")
    return np.array([row[column] for row in table.rows], dtype=str)


def names(table: Table) -> np.ndarray:
    """Return the name of each row, such as `row 7`, `(n,)` of str."""
    return np.array([f"row {number}" for number in table.numbers], dtype=str)


def _records(path: Path) -> list[list[str]]:
    """Read all records, the header first; a field may have any length."""
    csv.field_size_limit(MAX_FIELD)
    reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
    try:
        return list(reader)
    except csv.Error as error:
        raise UserError(
            f"{path}: line {reader.line_num}: not readable as CSV ({error}); is a "
            "quote left open?"
        ) from None


def _text(path: Path) -> str:
    try:
        raw = path.read_bytes()
        raw = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
        return raw.decode("utf-8-sig")
    except (OSError, EOFError, zlib.error, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as CSV in UTF-8 ({error})") from None
