"""`text:FILE`: a file with a text column and a label column: CSV, TSV or Parquet.

Texts become word numbers with the vocabulary of the training split.
"""

from __future__ import annotations

from pipeline.data.examples import Examples
from pipeline.data.sources.reader import ReadContext
from pipeline.data.tables import open_table, read_texts


def read(context: ReadContext) -> Examples:
    """Read the file; texts stay str until the splits exist; see `SourceReader`."""
    table, texts = read_texts(open_table(context), context)
    return Examples(
        x=texts, **table.fields(context), modality="text", learns="vocabulary"
    )
