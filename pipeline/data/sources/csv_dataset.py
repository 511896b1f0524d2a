"""`csv:FILE`: a table of numbers with a label column, .gz or plain, header first.

Every column but the label, the group, those of `data.also` and of
`data.columns.ignore` is an input.
"""

from __future__ import annotations

import numpy as np

from pipeline.data.examples import Examples
from pipeline.data.sources.reader import Intake, finite, source_path
from pipeline.data.tables import (
    Table,
    further,
    groups,
    keep_labelled,
    names,
    only,
    read_table,
)
from pipeline.core.errors import UserError


def read(name: str, intake: Intake) -> Examples:
    """Read the file, float32 `(n, columns)`; standardised later, on train."""
    columns = intake.params.columns
    table = read_table(source_path(intake.source, intake.key), intake)
    label = table.column(columns.label, "data.columns.label")
    inputs = _inputs(table, intake)
    table = keep_labelled(table, label, intake)
    _check_columns(table, inputs)
    table, x = _numbers(table, inputs, intake)
    y, classes = intake.answers([row[label] for row in table.rows])
    return Examples(
        x=x,
        y=y,
        classes=classes,
        modality="table",
        learns="standardise",
        inputs=tuple(table.header[at] for at in inputs),
        groups=groups(table, intake),
        also=further(table, intake),
        names=names(table),
    )


def _inputs(table: Table, intake: Intake) -> list[int]:
    columns, group = intake.params.columns, intake.params.split.group
    out = {table.column(name, "data.columns.ignore") for name in columns.ignore}
    out |= {table.column(columns.label, "data.columns.label")}
    out |= {table.column(group, "data.split.group")} if group else set()
    out |= {table.column(name, "data.also") for name in intake.params.also}
    inputs = [at for at in range(len(table.header)) if at not in out]
    if not inputs:
        raise UserError(f"{table.path}: no column is left as an input")
    return inputs


def _check_columns(table: Table, inputs: list[int]) -> None:
    """Refuse a column without a single number: it is no bad row."""
    texts = [
        table.header[at]
        for at in inputs
        if all(finite(row[at]) is None for row in table.rows)
    ]
    if texts:
        shown = table.rows[0][table.header.index(texts[0])]
        raise UserError(
            f"{table.path}: no number in column {', '.join(texts)} ({shown!r}, ...); "
            f"set data.columns.ignore: [{', '.join(texts)}]"
        )


def _numbers(
    table: Table, inputs: list[int], intake: Intake
) -> tuple[Table, np.ndarray]:
    kept, values = [], []
    for at, (row, number) in enumerate(zip(table.rows, table.numbers)):
        numbers = [finite(row[column]) for column in inputs]
        if None in numbers:
            column = inputs[numbers.index(None)]
            reason = f'column "{table.header[column]}" is {row[column]!r}, not a number'
            intake.bad(f"row {number}", reason, table.path)
        else:
            kept.append(at)
            values.append(numbers)
    return only(table, kept), np.array(values, np.float32)
