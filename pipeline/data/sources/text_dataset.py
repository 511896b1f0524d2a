"""`text:FILE`: a CSV file with a text and a label column, .gz or plain.

Texts become word numbers with the vocabulary of the training split.
"""

from __future__ import annotations

import numpy as np

from pipeline.data.examples import Examples
from pipeline.data.sources.reader import Intake, source_path
from pipeline.data.tables import (
    Table,
    further,
    groups,
    keep_labelled,
    names,
    only,
    read_table,
)


def read(name: str, intake: Intake) -> Examples:
    """Read the file; texts stay texts, `(n,)`, until the splits are known."""
    columns = intake.params.columns
    table = read_table(source_path(intake.source, intake.key), intake)
    text = table.column(columns.text, "data.columns.text")
    label = table.column(columns.label, "data.columns.label")
    table = _with_text(keep_labelled(table, label, intake), text, intake)
    y, classes = intake.answers([row[label] for row in table.rows])
    return Examples(
        x=np.array([row[text] for row in table.rows], dtype=object),
        y=y,
        classes=classes,
        modality="text",
        learns="vocabulary",
        groups=groups(table, intake),
        also=further(table, intake),
        names=names(table),
    )


def _with_text(table: Table, text: int, intake: Intake) -> Table:
    kept = [at for at, row in enumerate(table.rows) if row[text].strip()]
    for at in sorted(set(range(len(table.rows))) - set(kept)):
        intake.bad(f"row {table.numbers[at]}", "its text is empty", table.path)
    return only(table, kept)
