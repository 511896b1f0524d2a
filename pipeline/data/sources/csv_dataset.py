"""`csv:FILE`: a table of numbers with a label column, header first.

CSV with any usual separator, TSV or Parquet, plain or .gz. Every column is an input
except the label, the group, those of `data.extra_targets` and those of
`data.columns.ignore`.
"""

from __future__ import annotations

from pipeline.data.examples import Examples
from pipeline.data.narrowing import narrowed
from pipeline.data.paths import source_path
from pipeline.data.sources.reader import ReadContext
from pipeline.data.tables import open_table, read_numbers


def read(context: ReadContext) -> Examples:
    """Read the file, float32 or float64 `(n, columns)`; see `SourceReader`.

    The training split encodes and standardizes the columns later.
    """
    path = source_path(context.source, context.key)
    table, x, cells = read_numbers(open_table(path, context), context)
    y, classes = table.y(context)
    categories = cells.categories()
    return Examples(
        x=narrowed(x, context, keep=bool(categories)),
        y=y,
        classes=classes,
        modality="table",
        learns="standardise",
        inputs=table.roles.input_names,
        categories=categories,
        groups=table.group_names(),
        extra_targets=table.extra_targets(),
        names=table.row_numbers(),
    )
