"""Tables with a label column, read in pieces: shared by `csv:`, `text:`, `parquet:`.

In: a file of rows. Out: labels, groups, extra targets, and either numbers, float64 in a
scratch file, or texts. A category is stored as the number of its text, see
`pipeline.data.table_steps`.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, islice

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.delimited import RowFile, open_rows
from pipeline.data.paths import source_path
from pipeline.data.sources.reader import ReadContext
from pipeline.data.stored import Stored
from pipeline.data.table_cells import CellReader
from pipeline.data.table_labels import BlockLabels, LabelTable
from pipeline.data.table_roles import column, roles_of

BLOCK = 8_192  # rows that are parsed at once

Block = list[tuple[int, list[str]]]  # (row number, fields)


def read_numbers(
    file: RowFile, context: ReadContext
) -> tuple[LabelTable, Stored, CellReader]:
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
    return table, writer.rows(), cells


def read_texts(file: RowFile, context: ReadContext) -> tuple[LabelTable, np.ndarray]:
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


def open_table(context: ReadContext) -> RowFile:
    """Return the file of a source.

    Args:
        context: names the source, and holds the settings.

    Raises:
        UserError: when there is no such file.
    """
    path, params = source_path(context.source, context.key), context.params
    return open_rows(path, params.columns, params.limits.decompressed)


def _open(file: RowFile, context: ReadContext) -> tuple[LabelTable, Iterator[Block]]:
    blocks = _blocks(file.rows())
    first = next(blocks, [])
    if not first:
        raise UserError(
            f"{file.path}: must hold a row of column names and rows of values"
        )
    roles = roles_of(file, [row for _, row in first], context)
    table = LabelTable(file, roles, targets={name: [] for name in roles.targets})
    return table, (_whole(block, table, context) for block in chain([first], blocks))


def _blocks(rows: Iterator[tuple[int, list[str]]]) -> Iterator[Block]:
    while block := list(islice(rows, BLOCK)):
        yield block


def _whole(block: Block, table: LabelTable, context: ReadContext) -> Block:
    """Return the rows that have as many fields as the header."""
    width = len(table.roles.header)
    for number, row in block:
        if len(row) != width:
            reason = f"has {len(row)} values, the header {width}"
            context.bad(f"row {number}", reason, table.file.path)
    return [(number, row) for number, row in block if len(row) == width]


def _keep(
    table: LabelTable, block: Block, reasons: list[str], context: ReadContext
) -> list[int]:
    """Add the usable rows of a block to the table; return their positions in it.

    Args:
        table: receives labels, groups and extra targets.
        block: rows.
        reasons: per row, why its inputs cannot be used; empty where they can.
        context: the receiver of bad rows.
    """
    labels = BlockLabels(table, [row for _, row in block], context)
    kept = []
    for position, (label, inputs) in enumerate(zip(labels.problems(), reasons)):
        if problem := label or inputs:
            context.bad(f"row {block[position][0]}", problem, table.file.path)
        else:
            kept.append(position)
    labels.add(kept)
    table.positions.append(np.array([block[k][0] for k in kept], np.int64))
    return kept


def _require_rows(table: LabelTable) -> None:
    if not sum(map(len, table.positions)):
        raise UserError(f"{table.file.path}: no row can be used")
