"""Series from a source that is a table: CSV or Parquet."""

from __future__ import annotations

from pipeline.data.examples import Examples
from pipeline.data.series.examples import read_windows
from pipeline.data.series.table import read_table
from pipeline.data.sources.reader import ReadContext
from pipeline.data.tables import open_table


def read_series(context: ReadContext) -> Examples:
    """Read the windows of a table with a column of times; see `SourceReader`.

    Args:
        context: the settings, and the receiver of bad rows and series.
    """
    file, params = open_table(context), context.params

    def bad(place: str, reason: str) -> None:
        context.bad(place, reason, file.path)

    table = read_table(file, params.series, bad, params.columns.ignore)
    return read_windows(table, context)
