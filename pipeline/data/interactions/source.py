"""A ranking from a source that is a table: CSV or Parquet."""

from __future__ import annotations

from pipeline.data.examples import Examples
from pipeline.data.interactions.examples import read_interactions
from pipeline.data.interactions.triples import read_triples
from pipeline.data.sources.reader import ReadContext
from pipeline.data.tables import open_table


def read_ranking(context: ReadContext) -> Examples:
    """Read interactions, or triples where `data.triples` is set; see `SourceReader`.

    Args:
        context: the settings, and the receiver of bad rows.
    """
    read = read_interactions if context.params.triples is None else read_triples
    return read(open_table(context), context)
