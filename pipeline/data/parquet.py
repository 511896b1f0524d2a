"""Parquet files as rows of text; needs pyarrow, which TensorFlow Datasets brings."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.data.bounded import check_size

MAGIC = b"PAR1"
BATCH = 16_384  # rows per read


def parquet_records(path: Path, limit: int) -> Iterator[list[str]]:
    """Yield the column names, then every row; a missing value is an empty text.

    Args:
        path: of the file.
        limit: maximum size of the decompressed content in bytes.

    Raises:
        UserError: without pyarrow, or for a larger file.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise UserError(
            f"{path}: is a Parquet file, and pyarrow is not installed; install it (pip "
            "install pyarrow), or save the table as CSV"
        ) from None
    with parquet.ParquetFile(path) as file:
        facts = file.metadata
        groups = (facts.row_group(k) for k in range(facts.num_row_groups))
        check_size(path, sum(group.total_byte_size for group in groups), limit)
        yield list(file.schema_arrow.names)
        for batch in file.iter_batches(BATCH):
            columns = [[_cell(v) for v in column.to_pylist()] for column in batch]
            yield from map(list, zip(*columns))


def _cell(value: Any) -> str:
    return "" if value is None else str(value)
