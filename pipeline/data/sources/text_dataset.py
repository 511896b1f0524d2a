"""`text:FILE`: a CSV file with a text column and a label column, plain or .gz.

Texts become word numbers with the vocabulary of the training split.
"""

from __future__ import annotations

import numpy as np

from pipeline.data.examples import Examples
from pipeline.data.sources.reader import ReadContext, source_path
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
    """Read the file; texts stay str until the splits exist; see `SourceReader`."""
    columns = context.params.columns
    table = read_table(source_path(context.source, context.key), context)
    text = table.column(columns.text, "data.columns.text")
    label = table.column(columns.label, "data.columns.label")
    table = _with_text(keep_labelled(table, label, context), text, context)
    y, classes = context.targets([row[label] for row in table.rows])
    return Examples(
        x=np.array([row[text] for row in table.rows], dtype=object),
        y=y,
        classes=classes,
        modality="text",
        learns="vocabulary",
        groups=groups(table, context),
        extra_targets=extra_targets(table, context),
        names=names(table),
    )


def _with_text(table: Table, text: int, context: ReadContext) -> Table:
    kept = [position for position, row in enumerate(table.rows) if row[text].strip()]
    for position in sorted(set(range(len(table.rows))) - set(kept)):
        context.bad(f"row {table.numbers[position]}", "its text is empty", table.path)
    return select_rows(table, kept)
