"""Rows of a table for `predict`, through the reader of the data stage.

Columns are found by their names, in any order; a file without a header row of names is
refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing, shown
from pipeline.data.artifact import Data
from pipeline.data.delimited import RowFile, open_rows
from pipeline.data.features import find_step
from pipeline.data.table_cells import CellParser, category_text, is_gap
from pipeline.data.table_steps import EncodeColumns
from pipeline.inference.raw_examples import RawExamples, ReadSettings, read_settings

Rows = list[tuple[int, list[str]]]  # (row number, fields)

ARRAYS = ("npz:", "npy:")  # kinds of source without names of columns


def read_rows(path: Path, data: Data) -> RawExamples:
    """Read the columns that are inputs of the model.

    Args:
        path: CSV, TSV or Parquet, plain or gzip.
        data: the experiment's data.

    Raises:
        UserError: when a column is missing, or a cell cannot be used.
    """
    settings = read_settings(data)
    file = open_rows(path, settings.columns, settings.limits.decompressed)
    rows = list(file.rows())
    encode = find_step(data.steps(), EncodeColumns)
    positions, notes = _positions(file, data, _other(settings), encode)
    _check(file, rows)
    parser = _parser(file, positions, encode)
    columns = [[row[position] for _, row in rows] for position in positions]
    values = parser.parse(columns, file)
    for (number, row), reason in zip(rows, parser.reasons(columns, values)):
        if reason:
            raise UserError(
                f"{path}, row {number}: must hold numbers; {reason}; has {shown(row)}"
            )
    notes += _unknown(columns, encode)
    names = [f"{path}:{number}" for number, _ in rows]
    return RawExamples(str(path), names, values, tuple(notes))


def _positions(
    file: RowFile, data: Data, other: set[str | None], encode: EncodeColumns | None
) -> tuple[list[int], list[str]]:
    """Return the positions of the inputs, and a note about columns that are unused."""
    inputs = encode.names if encode else data.spec.inputs
    array = data.spec.source.startswith(ARRAYS)
    if array or not inputs:  # the columns of an array have no names
        expected = len(inputs) if encode else data.spec.shape[0]
        return _unnamed(file, other, expected), []
    missing = [name for name in inputs if name not in file.header]
    surplus = [name for name in file.header if name not in inputs]
    unused = [name for name in surplus if name and name not in other]
    if missing:
        raise UserError(
            f"{file.path}: must hold a header, {len(inputs)} numeric columns and one "
            f"row per example; it has {len(inputs) - len(missing)} such columns; "
            f"missing: {listing(missing)}; not used: {listing(unused) or 'none'}"
        )
    notes = [f"columns that the model does not take: {listing(unused)}"] * bool(unused)
    return [file.header.index(name) for name in inputs], notes


def _unnamed(file: RowFile, other: set[str | None], expected: int) -> list[int]:
    columns = [k for k, name in enumerate(file.header) if name not in other]
    if len(columns) != expected:
        raise UserError(
            f"{file.path}: must hold a header, {expected} numeric columns and one row "
            f"per example; it has {len(columns)} such columns"
        )
    return columns


def _other(settings: ReadSettings) -> set[str | None]:
    """Names of the columns that the data stage read, but not as inputs."""
    columns = settings.columns
    return {columns.label, settings.group, *columns.ignore, *settings.targets}


def _check(file: RowFile, rows: Rows) -> None:
    if not rows:
        raise UserError(f"{file.path}: must hold one row per example; it has 0 rows")
    for number, row in rows:
        if len(row) != len(file.header):
            raise UserError(
                f"{file.path}, row {number}: must hold numbers in "
                f"{len(file.header)} columns; has {len(row)}: {shown(row)}"
            )


def _parser(
    file: RowFile, positions: Sequence[int], encode: EncodeColumns | None
) -> CellParser:
    kinds = [column["kind"] for column in encode.columns] if encode else []
    categories = {k for k, kind in enumerate(kinds) if kind == "category"}
    names = tuple(file.header[position] for position in positions)
    return CellParser(names, categories, is_gap if encode else _is_nan)


def _is_nan(cell: str) -> bool:
    """Return True for NaN and infinity, about which `predict` warns."""
    return cell.strip().lower().lstrip("+-") in ("nan", "inf", "infinity")


def _unknown(columns: list[list[str]], encode: EncodeColumns | None) -> list[str]:
    """Return a note about categories that training did not hold."""
    notes = []
    for cells, column in zip(columns, encode.columns if encode else ()):
        if column["kind"] == "category":
            texts = {category_text(cell) for cell in cells}
            unknown = sorted(texts - set(column["values"]))
            if unknown:
                notes.append(
                    f'"{shown(column["name"])}" is {listing(unknown)}, which the '
                    "training examples do not hold: it is encoded as unknown"
                )
    return notes
