"""Files of rows below a header: CSV, TSV and Parquet, plain or gzip.

In: a file. Out: its column names, and its rows as text in the order of the file. This
is the only reader of the format: `csv:`, `text:` and `predict` use it. The separator
and the decimal mark are detected from the beginning of the file unless they are set.
"""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, TextIO

import numpy as np

from pipeline.core.decoding import decoding
from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.quoting import listing, shown
from pipeline.core.regular_file import is_regular
from pipeline.data.bounded import BoundedFile
from pipeline.data.parquet import MAGIC, parquet_records
from pipeline.data.sources.params import ColumnParams

MAX_FIELD = 2**31 - 1  # characters; Python's own limit is 131,072
SEPARATORS = (",", ";", "\t", "|")
SAMPLE = 65_536  # characters from which separator and decimal mark are detected
SAMPLE_ROWS = 50
DECIMAL_COMMA = re.compile(r"\s*[-+]?\d*,\d+\s*")
THOUSANDS = re.compile(r"\s*[-+]?\d{1,3},\d{3}\s*")  # or three decimals
GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Dialect:
    """How the numbers and fields of a file are written.

    Args:
        separator: between fields; null detects `,`, `;`, a tab or `|`.
        decimal: mark before the fraction, `.` or `,`; null detects it.
    """

    separator: str | None = None
    decimal: str | None = None


@dataclass(frozen=True)
class RowFile:
    """An open-able file of rows.

    Args:
        path: of the file.
        dialect: what is known of it.
        limit: maximum size of the decompressed text in bytes.
    """

    path: Path
    dialect: Dialect
    limit: int

    @cached_property
    def header(self) -> list[str]:
        """Column names without surrounding blanks.

        Raises:
            UserError: when the file is unreadable, has no row of names, or names a
                column twice.
        """
        names = [name.strip() for name in next(self._records(), [])]
        twice = sorted(n for n, count in Counter(names).items() if count > 1 and n)
        if twice:
            raise UserError(
                f"{self.path}: the header names {listing(twice)} more than once; give "
                "every column a name of its own"
            )
        return names

    def position(self, name: str, advice: str) -> int:
        """Return the position of a column.

        Args:
            name: of the column.
            advice: the end of the error, such as `set data.columns.label`.

        Raises:
            UserError: when the file has no such column.
        """
        if name in self.header:
            return self.header.index(name)
        near = did_you_mean(name, self.header)
        raise UserError(
            f'{self.path}: no column "{shown(name)}"{near} (there are: '
            f"{listing(self.header)}); {advice}"
        )

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield `(number, fields)` of every row that is not blank; the header is 1.

        Raises:
            UserError: where the file is not readable.
        """
        for number, record in enumerate(self._records(), 1):
            if number > 1 and record:
                yield number, record

    def numbers(self, cells: Sequence[str]) -> np.ndarray:
        """Return the numbers in the cells of a column, float64; NaN for other text.

        Args:
            cells: text of the cells.
        """
        if self.decimal == ",":
            cells = [cell.replace(",", ".") for cell in cells]
        try:
            values = np.array(list(map(float, cells)), np.float64)
        except ValueError:
            values = np.array([_number(cell) for cell in cells], np.float64)
        for position, cell in enumerate(cells):
            if "_" in cell:  # Python reads 1_000 as a number; a table means a name
                values[position] = np.nan
        return np.where(np.isfinite(values), values, np.nan)

    @property
    def separator(self) -> str:
        """The mark between fields; empty for Parquet."""
        return "" if self._is_parquet else self._separator

    @property
    def decimal(self) -> str:
        """The decimal mark.

        Raises:
            UserError: when 1,234 may be a thousand or one and a fraction.
        """
        return self.dialect.decimal or self._detected_decimal

    @cached_property
    def _detected_decimal(self) -> str:
        if self._is_parquet or self._separator == ",":
            return "."
        cells = [cell for row in self._sample_rows(self._separator)[1:] for cell in row]
        commas = [cell for cell in cells if DECIMAL_COMMA.fullmatch(cell)]
        points = any(re.fullmatch(r"\s*[-+]?\d*\.\d+\s*", cell) for cell in cells)
        if not commas or points:
            return "."
        if all(THOUSANDS.fullmatch(cell) for cell in commas):
            raise UserError(
                f"{self.path}: {shown(commas[0])} may be a number of thousands or one "
                "with three decimals; set data.columns.decimal to `,` if the comma is "
                "the decimal mark, to `.` otherwise"
            )
        return ","

    @property
    def _is_parquet(self) -> bool:
        with self.path.open("rb") as file:
            return file.read(4) == MAGIC

    def _records(self) -> Iterator[list[str]]:
        if not is_regular(self.path):
            raise UserError(f"{self.path}: is not a regular file")
        with decoding(self.path, "readable as CSV in UTF-8"):
            if self._is_parquet:
                yield from parquet_records(self.path, self.limit)
            else:
                yield from self._delimited()

    def _delimited(self) -> Iterator[list[str]]:
        csv.field_size_limit(MAX_FIELD)
        with _text(self.path, self.limit) as file:
            reader = csv.reader(file, strict=True, delimiter=self._separator)
            try:
                yield from reader
            except csv.Error as error:
                raise UserError(
                    f"{self.path}: line {reader.line_num}: not readable as CSV "
                    f"({error}); is a quote left open?"
                ) from None

    @cached_property
    def _separator(self) -> str:
        if self.dialect.separator:
            return self.dialect.separator
        scores = {mark: self._columns(mark) for mark in SEPARATORS}
        return max(SEPARATORS, key=lambda mark: scores[mark])

    def _columns(self, separator: str) -> int:
        """Number of columns if most rows have as many fields as the header, else 0."""
        header, *rows = self._sample_rows(separator) or [[]]
        same = sum(len(row) == len(header) for row in rows)
        return len(header) if len(header) > 1 and same * 2 >= len(rows) else 0

    def _sample_rows(self, separator: str) -> list[list[str]]:
        lines = self._sample.splitlines(keepends=True)
        complete = lines if len(self._sample) < SAMPLE else lines[:-1]
        rows: list[list[str]] = []
        try:
            for row in csv.reader(complete, delimiter=separator):
                rows += [row] if row else []
                if len(rows) > SAMPLE_ROWS:
                    break
        except csv.Error:  # the complete reader names the line
            return rows
        return rows

    @cached_property
    def _sample(self) -> str:
        with _text(self.path, self.limit) as file:
            return file.read(SAMPLE)


def open_rows(path: Path, columns: ColumnParams, limit: int) -> RowFile:
    """Return a file of rows.

    Args:
        path: CSV, TSV or Parquet, plain or gzip.
        columns: their `separator` and `decimal`, each None to detect it.
        limit: maximum size of the decompressed text in bytes.
    """
    separator = "\t" if columns.separator == "tab" else columns.separator
    return RowFile(path, Dialect(separator, columns.decimal), limit)


def _number(cell: str) -> float:
    try:
        return float(cell)
    except ValueError:
        return np.nan


def _text(path: Path, limit: int) -> TextIO:
    """Open the decompressed text; a byte-order mark is left out."""
    raw: Any = path.open("rb")
    start = raw.read(2)
    raw.seek(0)
    if start == GZIP:
        content = gzip.GzipFile(fileobj=raw)
        raw = io.BufferedReader(BoundedFile(content, path, limit))
        start = raw.peek(2)[:2]
    utf16 = start in (b"\xff\xfe", b"\xfe\xff")
    encoding = "utf-16" if utf16 else "utf-8-sig"
    return io.TextIOWrapper(raw, encoding=encoding, newline="")
