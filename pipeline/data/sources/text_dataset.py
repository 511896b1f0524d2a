"""`text:FILE`: a file with a text column and a label column: CSV, TSV or Parquet.

Texts become word numbers with the vocabulary of the training split.
"""

from __future__ import annotations

from pipeline.data.examples import Examples
from pipeline.data.paths import source_path
from pipeline.data.sources.reader import ReadContext
from pipeline.data.tables import open_table, read_texts


def read(context: ReadContext) -> Examples:
    """Read the file; texts stay str until the splits exist; see `SourceReader`."""
    path = source_path(context.source, context.key)
    table, texts = read_texts(open_table(path, context), context)
    y, classes = table.y(context)
    return Examples(
        x=texts,
        y=y,
        classes=classes,
        modality="text",
        learns="vocabulary",
        groups=table.group_names(),
        extra_targets=table.extra_targets(),
        names=table.row_numbers(),
    )
