"""`csv:FILE`: a table of numbers with a label column, header first.

CSV with any usual separator, TSV or Parquet, plain or .gz. Every column is an input
except the label, the group, those of `data.extra_targets` and those of
`data.columns.ignore`.
"""

from __future__ import annotations

from pipeline.data.examples import Examples
from pipeline.data.interactions.source import read_ranking
from pipeline.data.narrowing import narrowed
from pipeline.data.series.source import read_series
from pipeline.data.sources.reader import ReadContext
from pipeline.data.tables import open_table, read_numbers


def read(context: ReadContext) -> Examples:
    """Read the file, float32 or float64 `(n, columns)`; see `SourceReader`.

    The training split encodes and standardizes the columns later.
    """
    if context.wants_series:
        return read_series(context)
    if context.wants_rankings:
        return read_ranking(context)
    table, x, cells = read_numbers(open_table(context), context)
    fields, categories = table.fields(context), cells.categories()
    return Examples(
        x=narrowed(x, context, keep=bool(categories)),
        **fields,
        modality="table",
        learns="standardise",
        inputs=table.roles.input_names,
        categories=categories,
    )
