"""Arrays of examples that need not fit into memory: .npy files read by position.

    with RowWriter(path, (32, 32, 3), "uint8") as writer:
        writer.append(batch)
    rows = Rows(path)
    rows[positions]         # an array of those examples, as NumPy would return it

Positions are read with plain file reads, not through a memory map: pages of a map
count as resident memory of the process, and would grow with the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import IO, BinaryIO, Self

import numpy as np
import numpy.typing as npt

from pipeline.core.errors import naming
from pipeline.data.shards import ShardRows

CHUNK_BYTES = 2_000_000
DENSE = 8  # times the examples that are wanted may be read to get them in one piece
Header = tuple[tuple[int, ...], bool, np.dtype]  # shape, Fortran order, dtype
# Version of the .npy format -> the function that reads its header.
HEADERS = {
    (1, 0): np.lib.format.read_array_header_1_0,
    (2, 0): np.lib.format.read_array_header_2_0,
}


class Rows:
    """The examples of a .npy file, `(n, *shape)`, read on access.

    Args:
        path: of the file, a C-ordered array of plain numbers.

    Raises:
        ValueError: for a file of another kind.
    """

    def __init__(self, path: Path):
        self.path = Path(path)
        with self.path.open("rb") as file:
            self.shape, fortran, self.dtype = read_header(file)
            if fortran or self.dtype.hasobject or not self.shape:
                raise ValueError("must be a C-ordered array of plain numbers, (n, ...)")
            self.start = file.tell()
        self.stride = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, positions: np.ndarray | slice) -> np.ndarray:
        """Read the examples at positions, in their order; neighbours in one read."""
        positions = _as_array(positions, len(self))
        if _is_dense(positions):
            first = int(positions[0])
            return self._read(np.arange(first, positions[-1] + 1))[positions - first]
        return self._read(positions)

    def _read(self, positions: np.ndarray) -> np.ndarray:
        out = np.empty((len(positions), *self.shape[1:]), self.dtype)
        view = memoryview(out.reshape(-1).view(np.uint8))  # type: ignore[arg-type]
        with self.path.open("rb", buffering=0) as file:
            for begin, end in _runs(positions):
                piece = view[begin * self.stride : end * self.stride]
                offset = self.start + int(positions[begin]) * self.stride
                _read_into(file, piece, offset)
        return out

    def remove(self) -> None:
        """Delete the file."""
        self.path.unlink()


class ConcatenatedRows:
    """The examples of several sources, one source after another.

    Args:
        parts: arrays or `Rows` of one shape and dtype.
    """

    def __init__(self, parts: Sequence[AnyRows]):
        self.parts = parts
        self.edges = np.cumsum([0, *map(len, parts)])
        self.shape: tuple[int, ...] = (int(self.edges[-1]), *parts[0].shape[1:])
        self.dtype: np.dtype = parts[0].dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, positions: np.ndarray | slice) -> np.ndarray:
        """Read the examples at positions, in their order."""
        positions = _as_array(positions, len(self))
        out = np.empty((len(positions), *self.shape[1:]), self.dtype)
        for part, low, high in zip(self.parts, self.edges, self.edges[1:]):
            inside = (positions >= low) & (positions < high)
            out[inside] = part[positions[inside] - low]
        return out


AnyRows = np.ndarray | Rows | ShardRows | ConcatenatedRows


class RowWriter:
    """Writes a .npy file batch by batch; `close` records the number of rows.

    Args:
        path: of the file.
        shape: of one example.
        dtype: of its numbers.
    """

    def __init__(self, path: Path, shape: Sequence[int], dtype: npt.DTypeLike):
        self.path, self.shape, self.dtype = path, tuple(shape), np.dtype(dtype)
        self.count = 0
        self.file = path.open("wb")
        self._write_header()

    def append(self, batch: np.ndarray) -> None:
        """Add examples, `(n, *shape)`.

        Raises:
            ValueError: for another shape or dtype.
        """
        if batch.shape[1:] != self.shape or batch.dtype != self.dtype:
            raise ValueError(f"{batch.dtype} {batch.shape} among {self.shape}")
        with naming(self.path):
            self.file.write(np.ascontiguousarray(batch).data)
        self.count += len(batch)

    def rows(self) -> Rows:
        """Return what was written, after `close`."""
        return Rows(self.path)

    def _write_header(self) -> None:
        # NumPy leaves room for the first number to grow: the length stays the same.
        described = np.lib.format.dtype_to_descr(self.dtype)
        shape = (self.count, *self.shape)
        header = {"descr": described, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self.file, header)

    def __enter__(self) -> Self:
        return self

    def close(self) -> None:
        """Write the number of rows into the header, and close the file."""
        with naming(self.path):
            self.file.seek(0)
            self._write_header()
            self.file.close()

    def __exit__(self, *error: object) -> None:
        self.close()


def chunks(x: AnyRows, positions: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Yield examples, a few megabytes at a time.

    Args:
        x: all examples.
        positions: of the examples, in their order; default all of them.
    """
    positions = np.arange(len(x)) if positions is None else positions
    size = max(1, CHUNK_BYTES // max(1, _row_bytes(x)))
    for begin in range(0, len(positions), size):
        yield x[positions[begin : begin + size]]


def read_header(file: IO[bytes]) -> Header:
    """Read the beginning of .npy content; the numbers follow.

    Args:
        file: at its beginning.

    Raises:
        ValueError: when it is not .npy content of version 1 or 2.
    """
    version = np.lib.format.read_magic(file)
    if version not in HEADERS:
        raise ValueError(f".npy format {version} is not supported")
    header: Header = HEADERS[version](file)
    return header


def _as_array(positions: np.ndarray | slice, count: int) -> np.ndarray:
    if isinstance(positions, slice):
        return np.arange(count)[positions]
    return np.asarray(positions)


def _is_dense(positions: np.ndarray) -> bool:
    """Return whether all examples between the first and the last are read faster."""
    if len(positions) < 2 or positions.dtype.kind not in "iu" or positions[0] < 0:
        return False
    span = int(positions[-1]) - int(positions[0]) + 1
    steps = np.diff(positions)
    return span <= DENSE * len(positions) and bool(
        (steps > 0).all() and span > len(positions)
    )


def _row_bytes(x: AnyRows) -> int:
    return int(np.prod(x.shape[1:], dtype=np.int64)) * max(x.dtype.itemsize, 1)


def _runs(positions: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yield runs of consecutive positions, as ranges of indices into `positions`."""
    breaks = np.flatnonzero(np.diff(positions) != 1) + 1
    edges = [0, *breaks.tolist(), len(positions)] if len(positions) else [0]
    yield from pairwise(edges)


def _read_into(file: BinaryIO, piece: memoryview, offset: int) -> None:
    done = 0
    while done < len(piece):
        count = os.preadv(file.fileno(), [piece[done:]], offset + done)
        if not count:
            raise OSError(f"{file.name}: ends before its last example")
        done += count
