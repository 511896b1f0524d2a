"""Stored examples of a split on the disk: one array, or compressed shards.

In: the published folder of the data stage, or the one that it writes. Out: examples
that are read by position. `data.cache` decides how they are stored; examples of less
than a kilobyte, such as rows of a table, are an array whatever it says.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipeline.data.rows import AnyRows, Rows, RowWriter, chunks
from pipeline.data.shards import (
    MIN_EXAMPLE,
    ShardRows,
    ShardWriter,
    copy_records,
    description,
    example_bytes,
)

Stored = Rows | ShardRows
Writer = RowWriter | ShardWriter


def stored_rows(folder: Path, split: str) -> Stored:
    """Return the stored examples of a split, read on access.

    Args:
        folder: of the data stage.
        split: train, validation or test.

    Raises:
        OSError: when a file is missing.
        ValueError: when a file is damaged.
    """
    path = folder / f"{split}_x"
    if description(path).exists():
        return ShardRows(path)
    return Rows(path.with_suffix(".npy"))


def rows_writer(
    path: Path,
    shape: Sequence[int],
    dtype: npt.DTypeLike,
    compressed: bool,
    threads: int = 1,
) -> Writer:
    """Return a writer of examples.

    Args:
        path: without an extension.
        shape: of one example.
        dtype: of its numbers.
        compressed: True for shards, unless examples are small.
        threads: that compress; default 1.
    """
    if compressed and example_bytes(shape, dtype) >= MIN_EXAMPLE:
        return ShardWriter(path, shape, dtype, threads)
    return RowWriter(path.with_name(f"{path.name}.npy"), shape, dtype)


def can_copy(x: AnyRows, writer: Writer) -> bool:
    """Return whether examples are compressed already, as a writer stores them.

    Args:
        x: examples that are stored unchanged.
        writer: of these examples.
    """
    same = x.dtype == writer.dtype and tuple(x.shape[1:]) == writer.shape
    return isinstance(x, ShardRows) and isinstance(writer, ShardWriter) and same


def write_rows(x: AnyRows, positions: np.ndarray, writer: Writer) -> None:
    """Store examples unchanged; compressed ones are not decompressed.

    Args:
        x: all examples.
        positions: of those to store, in their order.
        writer: receives them.
    """
    if isinstance(x, ShardRows) and isinstance(writer, ShardWriter):
        copy_records(x, positions, writer)
        return
    for part in chunks(x, positions):
        writer.append(part)
