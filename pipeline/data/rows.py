"""Arrays of examples that need not fit into memory: .npy files read by position.

    with RowWriter(path, (32, 32, 3), "uint8") as writer:
        writer.append(batch)
    rows = Rows(path)
    rows[positions]         # an array of those examples, as numpy would give it

Positions are read with plain file reads, not through a memory map: pages of a map
count as resident memory of the process, and would grow with the file.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np

CHUNK_BYTES = 8_000_000


class Rows:
    """The examples of a .npy file, `(n, *shape)`, read when they are asked for."""

    def __init__(self, path: Path):
        self.path = Path(path)
        with self.path.open("rb") as file:
            self.shape, self.dtype = _header(file)
            self.start = file.tell()
        self.stride = int(np.prod(self.shape[1:], dtype=np.int64)) * self.dtype.itemsize

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: np.ndarray | slice) -> np.ndarray:
        """The examples at positions, in their order; neighbours are read at once."""
        at = np.arange(len(self))[at] if isinstance(at, slice) else np.asarray(at)
        out = np.empty((len(at), *self.shape[1:]), self.dtype)
        view = memoryview(out.reshape(-1).view(np.uint8))
        with self.path.open("rb", buffering=0) as file:
            for begin, end in _runs(at):
                piece = view[begin * self.stride : end * self.stride]
                _read_into(file, piece, self.start + int(at[begin]) * self.stride)
        return out


class Joined:
    """The examples of several sources, one after another.

    Args:
        parts: arrays or `Rows` of one shape and dtype.
    """

    def __init__(self, parts: Sequence[np.ndarray | Rows]):
        self.parts = parts
        self.edges = np.cumsum([0, *map(len, parts)])
        self.shape = (int(self.edges[-1]), *parts[0].shape[1:])
        self.dtype = parts[0].dtype

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, at: np.ndarray | slice) -> np.ndarray:
        """The examples at positions, in their order."""
        at = np.arange(len(self))[at] if isinstance(at, slice) else np.asarray(at)
        out = np.empty((len(at), *self.shape[1:]), self.dtype)
        for part, low, high in zip(self.parts, self.edges, self.edges[1:]):
            mine = (at >= low) & (at < high)
            out[mine] = part[at[mine] - low]
        return out


Source = np.ndarray | Rows | Joined


class RowWriter:
    """Writes a .npy file batch by batch, the number of rows unknown until the end."""

    def __init__(self, path: Path, shape: Sequence[int], dtype: str | np.dtype):
        self.path, self.shape, self.dtype = path, tuple(shape), np.dtype(dtype)
        self.count = 0
        self.file = path.open("wb")
        self._write_header()

    def append(self, batch: np.ndarray) -> None:
        """Add `(n, *shape)` examples."""
        if batch.shape[1:] != self.shape or batch.dtype != self.dtype:
            raise ValueError(f"{batch.dtype} {batch.shape} among {self.shape}")
        self.file.write(np.ascontiguousarray(batch).data)
        self.count += len(batch)

    def _write_header(self) -> None:
        # numpy leaves room for the first number to grow: the length stays the same.
        described = np.lib.format.dtype_to_descr(self.dtype)
        shape = (self.count, *self.shape)
        header = {"descr": described, "fortran_order": False, "shape": shape}
        np.lib.format.write_array_header_1_0(self.file, header)

    def __enter__(self) -> RowWriter:
        return self

    def close(self) -> None:
        """Write how many there are, and end the file."""
        self.file.seek(0)
        self._write_header()
        self.file.close()

    def __exit__(self, *error: object) -> None:
        self.close()


def chunks(x: Source, at: np.ndarray | None = None) -> Iterator[np.ndarray]:
    """Examples at positions (all of them by default), a few megabytes at a time."""
    at = np.arange(len(x)) if at is None else at
    size = max(1, CHUNK_BYTES // max(1, _row_bytes(x)))
    for begin in range(0, len(at), size):
        yield x[at[begin : begin + size]]


def _row_bytes(x: Source) -> int:
    return int(np.prod(x.shape[1:], dtype=np.int64)) * max(x.dtype.itemsize, 1)


def _header(file: BinaryIO) -> tuple[tuple[int, ...], np.dtype]:
    version = np.lib.format.read_magic(file)
    read = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read is None:
        raise ValueError(f".npy format {version} is not known")
    shape, fortran, dtype = read(file)
    if fortran or dtype.hasobject or not shape:
        raise ValueError("must be a C-ordered array of plain numbers, (n, ...)")
    return shape, dtype


def _runs(at: np.ndarray) -> Iterator[tuple[int, int]]:
    """Stretches of neighbouring positions, as ranges of indices into `at`."""
    breaks = np.flatnonzero(np.diff(at) != 1) + 1
    edges = [0, *breaks.tolist(), len(at)] if len(at) else [0]
    yield from zip(edges, edges[1:])


def _read_into(file: BinaryIO, piece: memoryview, offset: int) -> None:
    done = 0
    while done < len(piece):
        got = os.preadv(file.fileno(), [piece[done:]], offset + done)
        if not got:
            raise OSError(f"{file.name}: ends before its last example")
        done += got
