"""Tables with a label column, read in pieces: shared by `csv:`, `text:`, `parquet:`.

In: a file of rows. Out: a `Table`: labels, groups, extra targets, and either numbers,
float64 in a scratch file, or texts. A category is stored as the number of its text, see
`pipeline.data.table_steps`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.data.delimited import RowFile, open_rows
from pipeline.data.rows import Rows
from pipeline.data.sources.reader import ReadContext, is_missing_label, label_name
from pipeline.data.table_cells import CellReader
from pipeline.data.table_roles import Roles, column, roles_of

BLOCK = 8_192  # rows that are parsed at once

Block = list[tuple[int, list[str]]]  # (row number, fields)


@dataclass
class Table:
    """The usable rows of a file.

    Args:
        file: it.
        roles: of its columns.
        labels: text of the label of each row; empty where numbers are predicted.
        numbers: labels that are numbers, one array per block.
        groups: text of the group of each row; empty without `data.split.group`.
        targets: name of an extra target -> its arrays, one per block.
        positions: numbers of the rows in the file, one array per block.
    """

    file: RowFile
    roles: Roles
    labels: list[str] = field(default_factory=list)
    numbers: list[np.ndarray] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    targets: dict[str, list[np.ndarray]] = field(default_factory=dict)
    positions: list[np.ndarray] = field(default_factory=list)

    def y(self, context: ReadContext) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return class numbers and classes, or numbers to predict and no classes."""
        if context.wants_numbers:
            return np.concatenate(self.numbers), ()
        return context.class_numbers(self.labels)

    def group_names(self) -> np.ndarray | None:
        """Return the group of each row, `(n,)` of str; None without groups."""
        return np.array(self.groups, str) if self.roles.group is not None else None

    def extra_targets(self) -> dict[str, np.ndarray]:
        """Return name -> `(n,)` of str for classes, float64 for numbers."""
        return {name: np.concatenate(parts) for name, parts in self.targets.items()}

    def row_numbers(self) -> np.ndarray:
        """Return the number of each row in the file, `(n,)` int64."""
        return np.concatenate(self.positions)


def read_numbers(file: RowFile, context: ReadContext) -> tuple[Table, Rows, CellReader]:
    """Read a table whose inputs are numbers and categories.

    Args:
        file: of rows.
        context: the settings, and the receiver of bad rows.

    Returns:
        The table; the inputs, float64 `(n, columns)`; the texts of its categories.

    Raises:
        UserError: when the file is malformed, or for a bad row.
    """
    table, blocks = _open(file, context)
    cells = CellReader(table.roles, file, context)
    if not table.roles.inputs:
        raise UserError(f"{file.path}: no column is left as an input")
    with context.writer((len(table.roles.inputs),), np.float64) as writer:
        for block in blocks:
            values, reasons = cells.read([row for _, row in block])
            kept = _keep(table, block, reasons, context)
            writer.append(values[kept])
    _require_rows(table)
    return table, Rows(writer.path), cells


def read_texts(file: RowFile, context: ReadContext) -> tuple[Table, np.ndarray]:
    """Read a table with a text per row.

    Args:
        file: of rows.
        context: the settings, and the receiver of bad rows.

    Returns:
        The table, and the texts, `(n,)` of str as objects.

    Raises:
        UserError: when the file is malformed, or for a bad row.
    """
    text = column(file, context.params.columns.text, "data.columns.text", context.key)
    table, blocks = _open(file, context)
    texts: list[str] = []
    for block in blocks:
        reasons = ["" if row[text].strip() else "its text is empty" for _, row in block]
        kept = _keep(table, block, reasons, context)
        texts += [block[k][1][text] for k in kept]
    _require_rows(table)
    return table, np.array(texts, dtype=object)


def open_table(path: object, context: ReadContext) -> RowFile:
    """Return the file of a source with the settings of the experiment."""
    params = context.params
    return open_rows(path, params.columns, params.limits.decompressed)  # type: ignore[arg-type]


def _open(file: RowFile, context: ReadContext) -> tuple[Table, Iterator[Block]]:
    blocks = _blocks(file.rows())
    first = next(blocks, [])
    if not first:
        raise UserError(
            f"{file.path}: must hold a row of column names and rows of values"
        )
    roles = roles_of(file, [row for _, row in first], context)
    table = Table(file, roles, targets={name: [] for name in roles.targets})
    return table, (_whole(block, table, context) for block in _with(first, blocks))


def _with(first: Block, others: Iterator[Block]) -> Iterator[Block]:
    yield first
    yield from others


def _blocks(rows: Iterator[tuple[int, list[str]]]) -> Iterator[Block]:
    while block := list(islice(rows, BLOCK)):
        yield block


def _whole(block: Block, table: Table, context: ReadContext) -> Block:
    """Return the rows that have as many fields as the header."""
    width = len(table.roles.header)
    for number, row in block:
        if len(row) != width:
            reason = f"has {len(row)} values, the header {width}"
            context.bad(f"row {number}", reason, table.file.path)
    return [(number, row) for number, row in block if len(row) == width]


def _keep(
    table: Table, block: Block, reasons: list[str], context: ReadContext
) -> list[int]:
    """Add the usable rows of a block to the table; return their positions in it.

    Args:
        table: receives labels, groups and extra targets.
        block: rows.
        reasons: per row, why its inputs cannot be used; empty where they can.
        context: the receiver of bad rows.
    """
    labels = _Labels(table, [row for _, row in block], context)
    kept = []
    for position, (number, _) in enumerate(block):
        reason = labels.problem(position) or reasons[position]
        if reason:
            context.bad(f"row {number}", reason, table.file.path)
        else:
            kept.append(position)
    labels.add(kept)
    table.positions.append(np.array([block[k][0] for k in kept], np.int64))
    return kept


class _Labels:
    """Labels, groups and extra targets of a block of rows."""

    def __init__(self, table: Table, rows: list[list[str]], context: ReadContext):
        self.table, self.context, roles = table, context, table.roles
        self.texts = [row[roles.label] for row in rows]
        self.groups = [] if roles.group is None else [row[roles.group] for row in rows]
        self.cells = {
            name: [row[position] for row in rows]
            for name, position in roles.targets.items()
        }
        self.numbers = table.file.numbers(self.texts if context.wants_numbers else [])
        self.values = {
            name: self._values(name, cells) for name, cells in self.cells.items()
        }

    def _values(self, name: str, cells: list[str]) -> np.ndarray:
        if self.context.params.extra_targets[name] == "number":
            return self.table.file.numbers(cells)
        return np.array([cell.strip() for cell in cells], str)

    def problem(self, position: int) -> str:
        """Return why the label or an extra target cannot be used, or an empty text."""
        return self._bad_label(position) or self._bad_target(position)

    def _bad_label(self, position: int) -> str:
        text, allowed = self.texts[position], self.context.params.classes
        if not text.strip():
            return "has no label"
        if self.context.wants_numbers:
            bad = np.isnan(self.numbers[position])
            return f"its label is {shown(repr(text))}, not a number" if bad else ""
        if is_missing_label(text, allowed):
            return f"its label is {shown(repr(text))}: a missing value"
        if allowed is not None and label_name(text, allowed) not in allowed:
            return self.context.outside(text)
        return ""

    def _bad_target(self, position: int) -> str:
        for name, values in self.values.items():
            value, text = values[position], self.cells[name][position]
            if not text.strip() or (values.dtype.kind == "f" and np.isnan(value)):
                kind = self.context.params.extra_targets[name]
                return f'column "{shown(name)}" is {shown(repr(text))}, not a {kind}'
        return ""

    def add(self, kept: Iterable[int]) -> None:
        """Append the rows at some positions to the table."""
        table, kept = self.table, list(kept)
        if self.context.wants_numbers:
            table.numbers.append(self.numbers[kept])
        else:
            allowed, mark = self.context.params.classes, table.file.decimal
            texts = (self.texts[k] for k in kept)
            table.labels += [label_name(text, allowed, mark) for text in texts]
        table.groups += [self.groups[k] for k in kept] if self.groups else []
        for name, values in self.values.items():
            table.targets[name].append(values[kept])


def _require_rows(table: Table) -> None:
    if not sum(map(len, table.positions)):
        raise UserError(f"{table.file.path}: no row can be used")
