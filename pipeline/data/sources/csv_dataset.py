"""`csv:FILE`: a table of numbers with a label column, plain or .gz, header first.

Every column is an input except the label, the group, those of `data.extra_targets` and
those of `data.columns.ignore`.
"""

from __future__ import annotations

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.sources.reader import ReadContext, finite, source_path
from pipeline.data.tables import (
    Table,
    extra_targets,
    groups,
    keep_labelled,
    names,
    read_table,
    select_rows,
)


def read(context: ReadContext) -> Examples:
    """Read the file, float32 `(n, columns)`; see `SourceReader`.

    The training split standardizes the columns later.
    """
    columns = context.params.columns
    table = read_table(source_path(context.source, context.key), context)
    label = table.column(columns.label, "data.columns.label")
    inputs = _inputs(table, context)
    table = keep_labelled(table, label, context)
    _check_columns(table, inputs)
    table, x = _numbers(table, inputs, context)
    y, classes = context.targets([row[label] for row in table.rows])
    return Examples(
        x=x,
        y=y,
        classes=classes,
        modality="table",
        learns="standardise",
        inputs=tuple(table.header[column] for column in inputs),
        groups=groups(table, context),
        extra_targets=extra_targets(table, context),
        names=names(table),
    )


def _inputs(table: Table, context: ReadContext) -> list[int]:
    columns, group = context.params.columns, context.params.split.group
    other = {table.column(name, "data.columns.ignore") for name in columns.ignore}
    other |= {table.column(columns.label, "data.columns.label")}
    other |= {table.column(group, "data.split.group")} if group else set()
    targets = context.params.extra_targets
    other |= {table.column(name, "data.extra_targets") for name in targets}
    inputs = [column for column in range(len(table.header)) if column not in other]
    if not inputs:
        raise UserError(f"{table.path}: no column is left as an input")
    return inputs


def _check_columns(table: Table, inputs: list[int]) -> None:
    """Refuse a column without a single number: its rows are not to blame."""
    texts = [
        table.header[column]
        for column in inputs
        if all(finite(row[column]) is None for row in table.rows)
    ]
    if texts:
        shown = table.rows[0][table.header.index(texts[0])]
        raise UserError(
            f"{table.path}: no number in column {', '.join(texts)} ({shown!r}, ...); "
            f"set data.columns.ignore: [{', '.join(texts)}]"
        )


def _numbers(
    table: Table, inputs: list[int], context: ReadContext
) -> tuple[Table, np.ndarray]:
    kept, values = [], []
    for position, (row, number) in enumerate(zip(table.rows, table.numbers)):
        numbers = [finite(row[column]) for column in inputs]
        if None in numbers:
            column = inputs[numbers.index(None)]
            reason = f'column "{table.header[column]}" is {row[column]!r}, not a number'
            context.bad(f"row {number}", reason, table.path)
        else:
            kept.append(position)
            values.append(numbers)
    return select_rows(table, kept), np.array(values, np.float32)
