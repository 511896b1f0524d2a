"""Copies of arrays to the disk, a few megabytes at a time."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Sequence
from typing import IO

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.array_files import ArrayStore
from pipeline.data.rows import (
    CHUNK_BYTES,
    Header,
    chunks,
    read_header,
)
from pipeline.data.sources.reader import ReadContext
from pipeline.data.stored import Stored, Writer


def copy_arrays(
    store: ArrayStore, names: Sequence[str], context: ReadContext
) -> tuple[Stored, list[int]]:
    """Copy arrays of examples one after another; grey images get a channel axis.

    Args:
        store: of the arrays.
        names: of the arrays, all of one shape.
        context: opens the scratch file.

    Returns:
        The examples, and the number in each array. Their dtype is uint8, float32, or
        float64 for a table of wider numbers.

    Raises:
        UserError: for arrays of other kinds, or of several shapes.
    """
    headers = [_header(store, name) for name in names]
    shapes = {header[0][1:] for header in headers}
    if len(shapes) > 1:
        raise UserError(
            f"{store.path}: {', '.join(names)} must be of one shape but for the first "
            f"axis, not {', '.join(map(str, sorted(shapes)))}"
        )
    inner, unprocessed = headers[0][0][1:], context.params.preprocessing == "none"
    stored = _stored_dtype([header[2] for header in headers], inner, unprocessed)
    grey = (1,) if len(inner) == 2 and not unprocessed else ()
    with context.writer((*inner, *grey), stored) as writer:
        for name in names:
            _copy(store, name, writer, context)
    return writer.rows(), [header[0][0] for header in headers]


def _header(store: ArrayStore, name: str) -> Header:
    with store.open(name) as file:
        shape, fortran, dtype = read_header(file)
    if dtype.kind not in "buif" or len(shape) < 2:
        advice = f"{name} = {name}[:, None]" if len(shape) == 1 else "astype(float)"
        raise UserError(
            f'{store.path}: "{name}" must be a C-ordered array of numbers, (n, ...), '
            f"not {dtype} {shape}; convert it ({advice})"
        )
    if 0 in shape:
        raise UserError(
            f'{store.path}: "{name}" holds no numbers: its shape is {shape}'
        )
    return shape, fortran, dtype


def _stored_dtype(
    dtypes: list[np.dtype], inner: tuple[int, ...], unprocessed: bool
) -> np.dtype:
    common = np.result_type(*dtypes)
    if common == np.uint8:
        return np.dtype(np.uint8)
    if common.kind == "b" and len(inner) > 1:
        return np.dtype(np.uint8)
    wide = common.itemsize > 4 or (common.itemsize == 4 and common.kind != "f")
    table = len(inner) == 1 and not unprocessed
    return np.dtype(np.float64 if wide and table else np.float32)


def _copy(store: ArrayStore, name: str, writer: Writer, context: ReadContext) -> None:
    with store.open(name) as file:
        shape, fortran, dtype = read_header(file)
        parts = (
            _fortran_pieces(store, name, context)
            if fortran
            else _pieces(file, shape, dtype)
        )
        for part in parts:
            writer.append(part.reshape(-1, *writer.shape).astype(writer.dtype))


def _pieces(
    file: IO[bytes], shape: tuple[int, ...], dtype: np.dtype
) -> Iterator[np.ndarray]:
    stride = int(np.prod(shape[1:], dtype=np.int64)) * dtype.itemsize
    size = max(1, CHUNK_BYTES // stride)
    for begin in range(0, shape[0], size):
        count = min(size, shape[0] - begin)
        yield np.frombuffer(file.read(count * stride), dtype).reshape(count, *shape[1:])


def _fortran_pieces(
    store: ArrayStore, name: str, context: ReadContext
) -> Iterator[np.ndarray]:
    """Yield rows of an array whose columns are stored one after another."""
    path = context.scratch / "fortran.npy"
    with store.open(name) as file, path.open("wb") as copy:
        shutil.copyfileobj(file, copy, CHUNK_BYTES)
    yield from chunks(np.load(path, mmap_mode="r", allow_pickle=False))
    path.unlink()
