"""Compressed examples in shards, with the array interface of `Rows`.

    with ShardWriter(folder / "train_x", (64, 64, 3), "uint8") as writer:
        writer.append(batch)
    x = ShardRows(folder / "train_x")
    x[positions]            # an array of those examples, as NumPy would return it

In: examples of one shape. Out: `train_x.json` with shape, dtype and counts, and files
`train_x-00000.shard` of records. Each example is a record of its own, compressed by
zlib, so that a shuffled batch decompresses nothing but its own examples. Of images,
whole numbers are stored as differences to the pixel on the left, which compress better.
A shard ends with the offsets of its records, int64, and their number.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from pipeline.core.errors import naming
from pipeline.core.json_io import read_json, write_json

COPIED_BYTES = 4_000_000  # of uncompressed examples that are copied at once
LEVEL = 1  # of zlib; higher ones take several times as long for a few percent
SHARD_BYTES = 256_000_000  # of uncompressed examples per file
MIN_EXAMPLE = 1_024  # bytes; smaller examples are not compressed one by one
MIN_PARALLEL = 32  # examples; compressing fewer takes less than starting threads
TAIL = struct.Struct("<q")  # number of records


class ShardWriter:
    """Writes shards batch by batch; `close` writes the description.

    Args:
        path: of the shards, without an extension.
        shape: of one example.
        dtype: of its numbers.
        threads: that compress a batch; default 1.
    """

    def __init__(
        self,
        path: Path,
        shape: Sequence[int],
        dtype: npt.DTypeLike,
        threads: int = 1,
    ):
        self.path, self.shape, self.dtype = path, tuple(shape), np.dtype(dtype)
        self.threads = threads
        self.per_shard = max(1, SHARD_BYTES // example_bytes(self.shape, self.dtype))
        self.counts: list[int] = []
        self.offsets: list[int] = []
        self.file: BinaryIO | None = None

    def append(self, batch: np.ndarray) -> None:
        """Add examples, `(n, *shape)`.

        Raises:
            ValueError: for another shape or dtype.
        """
        if batch.shape[1:] != self.shape or batch.dtype != self.dtype:
            raise ValueError(f"{batch.dtype} {batch.shape} among {self.shape}")
        examples = np.ascontiguousarray(_differences(batch))
        if self.threads == 1 or len(batch) < MIN_PARALLEL:
            self.append_records(map(_compressed, examples))
            return
        with ThreadPoolExecutor(self.threads) as pool:  # zlib releases Python's lock
            self.append_records(pool.map(_compressed, examples))

    def append_records(self, records: Iterable[bytes]) -> None:
        """Add examples as `ShardRows.records` returns them."""
        for record in records:
            self.append_record(record)

    def append_record(self, record: bytes) -> None:
        """Add an example as `ShardRows.records` returns it."""
        with naming(self.path):
            file = self.file or self._next()
            file.write(record)
        self.offsets.append(self.offsets[-1] + len(record))
        if len(self.offsets) > self.per_shard:
            self._end_shard()

    def rows(self) -> ShardRows:
        """Return what was written, after `close`."""
        return ShardRows(self.path)

    def close(self) -> None:
        """End the last shard, and write shape, dtype and counts."""
        self._end_shard()
        facts = {"shape": list(self.shape), "dtype": self.dtype.str}
        write_json(description(self.path), {**facts, "examples": self.counts})

    def _next(self) -> BinaryIO:
        self.file, self.offsets = _shard(self.path, len(self.counts)).open("wb"), [0]
        return self.file

    def _end_shard(self) -> None:
        if self.file is None:
            return
        with naming(self.path):
            self.file.write(np.array(self.offsets, "<i8").tobytes())
            self.file.write(TAIL.pack(len(self.offsets) - 1))
            self.file.close()
        self.counts.append(len(self.offsets) - 1)
        self.file = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


class ShardRows:
    """Examples in shards, `(n, *shape)`, decompressed on access.

    Args:
        *paths: of shards without an extension, whose examples follow one another.

    Raises:
        OSError: when a file is missing.
        ValueError: when a file is damaged.
    """

    def __init__(self, *paths: Path):
        self.paths = tuple(map(Path, paths))
        facts = [read_json(description(path)) for path in self.paths]
        inner = tuple(facts[0]["shape"])
        self.dtype = np.dtype(facts[0]["dtype"])
        self.files = [
            _shard(path, number)
            for path, fact in zip(self.paths, facts)
            for number in range(len(fact["examples"]))
        ]
        self.offsets = [_read_offsets(file) for file in self.files]
        self.edges = np.cumsum([0, *(len(ends) - 1 for ends in self.offsets)])
        self.shape: tuple[int, ...] = (int(self.edges[-1]), *inner)

    def __len__(self) -> int:
        return self.shape[0]

    @property
    def ndim(self) -> int:
        """Number of axes, that of the examples included."""
        return len(self.shape)

    @property
    def nbytes(self) -> int:
        """Bytes of all examples when they are decompressed."""
        return len(self) * example_bytes(self.shape[1:], self.dtype)

    def __getitem__(self, positions: Any) -> np.ndarray:
        """Read the examples at positions, a slice, a mask, or one position."""
        picked = np.arange(len(self))[positions]
        out = np.empty((picked.size, *self.shape[1:]), self.dtype)
        for place, record in self.records(picked.reshape(-1)):
            content = np.frombuffer(zlib.decompress(record), self.dtype)
            out[place] = content.reshape(self.shape[1:])
        return _sums(out).reshape(*picked.shape, *self.shape[1:])

    def records(self, positions: np.ndarray) -> Iterator[tuple[int, bytes]]:
        """Yield compressed examples, those of one shard after another.

        Args:
            positions: of the examples, `(n,)`, from 0.

        Yields:
            Index into `positions`, and the record.
        """
        shards = np.searchsorted(self.edges, positions, side="right") - 1
        for number in np.unique(shards).tolist():
            ends, first = self.offsets[number], self.edges[number]
            with self.files[number].open("rb", buffering=0) as file:
                for place in np.flatnonzero(shards == number).tolist():
                    row = int(positions[place] - first)
                    begin, end = int(ends[row]), int(ends[row + 1])
                    yield place, _read(file, begin, end - begin)

    def remove(self) -> None:
        """Delete the files."""
        for file in (*self.files, *map(description, self.paths)):
            file.unlink()

    def __iter__(self) -> Iterator[np.ndarray]:
        for position in range(len(self)):
            yield self[position]

    def __array__(
        self, dtype: npt.DTypeLike | None = None, copy: bool | None = None
    ) -> np.ndarray:
        """Decompress everything, for callers that need an array in memory."""
        return self[:].astype(dtype or self.dtype, copy=False)


def copy_records(x: ShardRows, positions: np.ndarray, writer: ShardWriter) -> None:
    """Copy examples without decompressing them.

    Args:
        x: the examples.
        positions: of those to copy, in the order in which they are written.
        writer: of shards of the same shape and dtype.
    """
    step = max(1, COPIED_BYTES // example_bytes(x.shape[1:], x.dtype))
    for begin in range(0, len(positions), step):
        part = positions[begin : begin + step]
        records = dict(x.records(part))
        writer.append_records(records[place] for place in range(len(part)))


def description(path: Path) -> Path:
    """Return the file that describes shards.

    Args:
        path: of the shards, without an extension.
    """
    return path.with_name(f"{path.name}.json")


def example_bytes(shape: Sequence[int], dtype: npt.DTypeLike) -> int:
    """Return the size of one example that is not compressed, at least 1.

    Args:
        shape: of the example.
        dtype: of its numbers.
    """
    return max(1, int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize)


def _compressed(example: np.ndarray) -> bytes:
    return zlib.compress(example.data, LEVEL)


def _shard(path: Path, number: int) -> Path:
    return path.with_name(f"{path.name}-{number:05d}.shard")


def _read_offsets(file: Path) -> np.ndarray:
    size = file.stat().st_size
    with file.open("rb", buffering=0) as opened:
        (count,) = TAIL.unpack(_read(opened, size - TAIL.size, TAIL.size))
        length = (count + 1) * 8
        table = _read(opened, size - TAIL.size - length, length)
    offsets = np.frombuffer(table, "<i8")
    if count < 1 or offsets[-1] != size - TAIL.size - length:
        raise ValueError(f"{file}: is damaged")
    return offsets


def _read(file: BinaryIO, offset: int, count: int) -> bytes:
    content = os.pread(file.fileno(), count, offset) if offset >= 0 else b""
    if len(content) < count:
        raise ValueError(f"{file.name}: ends before its last example")
    return content


def _differences(batch: np.ndarray) -> np.ndarray:
    """Return images of whole numbers as differences along their width."""
    if not _is_picture(batch):
        return batch
    moved = batch.copy()
    moved[:, :, 1:] -= batch[:, :, :-1]  # wraps around, as the sums do
    return moved


def _sums(batch: np.ndarray) -> np.ndarray:
    """Undo `_differences`."""
    if not _is_picture(batch) or not batch.size:
        return batch
    return np.cumsum(batch, axis=2, dtype=batch.dtype)


def _is_picture(batch: np.ndarray) -> bool:
    return batch.dtype.kind == "u" and batch.ndim >= 3
