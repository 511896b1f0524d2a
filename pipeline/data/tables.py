"""CSV files, plain or gzip: what `csv:` and `text:` share."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from pipeline.data.extra_targets import as_values
from pipeline.data.sources.reader import Intake, finite
from pipeline.core.errors import UserError, nearest

LONGEST_FIELD = 2**31 - 1  # characters; Python's own limit is 131,072


@dataclass(frozen=True)
class Table:
    """The rows of a file that have as many fields as its header.

    Args:
        numbers: of the rows, as an editor counts the file's records: header is 1.
        key: at which the experiment file names the file.
    """

    path: Path
    header: list[str]
    rows: list[list[str]]
    numbers: list[int]
    key: str = "data.source"

    def column(self, name: str, key: str) -> int:
        """The position of a column.

        Raises:
            UserError: when the file has none of that name.
        """
        if name in self.header:
            return self.header.index(name)
        known = ", ".join(self.header)
        mend = f"set {key}"
        if self.key != "data.source":  # the first source has it, so it is named rightly
            mend = f"name columns in a file of {self.key} as in data.source"
        raise UserError(
            f'{self.path}: no column "{name}"{nearest(name, self.header)} '
            f"(there are: {known}); {mend}"
        )


def read_table(path: Path, intake: Intake) -> Table:
    """Read a file whose first row names its columns."""
    rows = _records(path)
    if len(rows) < 2:
        raise UserError(f"{path}: must hold a row of column names and rows of values")
    header, table = rows[0], Table(path, rows[0], [], [], intake.key)
    for number, row in enumerate(rows[1:], 2):
        if len(row) == len(header):
            table.rows.append(row)
            table.numbers.append(number)
        elif row:
            reason = f"has {len(row)} values, the header {len(header)}"
            intake.bad(f"row {number}", reason, path)
    return table


def keep_labelled(table: Table, label: int, intake: Intake) -> Table:
    """The rows whose label can be used: a class of `data.classes`, or a number."""
    kept = []
    for at, (row, number) in enumerate(zip(table.rows, table.numbers)):
        reason = _no_label(row[label], intake) or _no_further(row, table, intake)
        if reason:
            intake.bad(f"row {number}", reason, table.path)
        else:
            kept.append(at)
    return only(table, kept)


def _no_label(label: str, intake: Intake) -> str:
    """Why a label cannot be used, or nothing."""
    wanted = intake.params.classes
    if not label.strip():
        return "has no label"
    if intake.wants_numbers and finite(label) is None:
        return f"its label is {label!r}, not a number"
    if wanted is not None and label not in wanted:
        return intake.outside(label)
    return ""


def _no_further(row: list[str], table: Table, intake: Intake) -> str:
    """Why one of `data.also` cannot be used, or nothing."""
    for name, kind in intake.params.also.items():
        text = row[table.column(name, "data.also")]
        if kind == "number" and finite(text) is None or not text.strip():
            return f'column "{name}" is {text!r}, not a {kind}'
    return ""


def further(table: Table, intake: Intake) -> dict[str, np.ndarray]:
    """The further targets of each row, by name."""
    wanted = intake.params.also.items()
    places = {name: table.column(name, "data.also") for name, _ in wanted}
    return {
        name: as_values([row[places[name]] for row in table.rows], kind)
        for name, kind in wanted
    }


def only(table: Table, kept: Sequence[int]) -> Table:
    """The rows at some positions."""
    if not kept:
        raise UserError(f"{table.path}: not one row can be used")
    rows, numbers = ([of[k] for k in kept] for of in (table.rows, table.numbers))
    return replace(table, rows=rows, numbers=numbers)


def groups(table: Table, intake: Intake) -> np.ndarray | None:
    """The group of each row, if one is asked for."""
    group = intake.params.split.group
    if group is None:
        return None
    at = table.column(group, "data.split.group")
    return np.array([row[at] for row in table.rows], dtype=str)


def names(table: Table) -> np.ndarray:
    """What to call each row."""
    return np.array([f"row {number}" for number in table.numbers], dtype=str)


def _records(path: Path) -> list[list[str]]:
    """All records, the header first; a field may be of any length."""
    csv.field_size_limit(LONGEST_FIELD)
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
