"""`npz:FILE`: arrays `x`, `(n, ...)`, and the label column, `y` if there is no `label`.

x of one dimension beyond the first is a table, `(n, height, width[, channels])` are
images: uint8 of 0 .. 255, or floating-point numbers of 0 .. 1; with `data.as_is` any
other shape is a table of steps and features. Labels are names or
numbers; whole numbers are positions in `data.classes` where that has names. A file
larger than memory is read in pieces.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import BinaryIO

import numpy as np

from pipeline.data.examples import Examples
from pipeline.data.sources.reader import Intake, source_path
from pipeline.data.rows import CHUNK_BYTES, Rows, chunks
from pipeline.core.errors import UserError, nearest


def read(name: str, intake: Intake) -> Examples:
    """Copy `x` to the disk piece by piece, read the labels, check both."""
    path = source_path(intake.source, intake.key)
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive, path, intake)
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError) as error:
        raise UserError(f"{path}: not a readable .npz file ({error})") from None


def _read(archive: zipfile.ZipFile, path: Path, intake: Intake) -> Examples:
    label = intake.params.columns.label
    label = "y" if label == "label" and "label.npy" not in archive.namelist() else label
    labels = _small(archive, label, path)
    rows = _stream(archive, path, intake)
    if intake.wants_numbers and labels.dtype.kind not in "uif":
        raise UserError(
            f'{path}: "{label}" must be numbers for data.task regression, not '
            f"{labels.dtype}"
        )
    _check_length(label, labels, rows, path)
    labels = labels if intake.wants_numbers else _names(labels, intake)
    group = intake.params.split.group
    groups = _small(archive, group, path).astype(str) if group else None
    if group:
        _check_length(group, groups, rows, path)
    also = _further(archive, rows, path, intake)
    kept = _good(rows, labels, path, intake)
    some = len(kept) < len(rows)
    y, classes = _answers(labels[kept], intake)
    return Examples(
        x=rows[kept] if some else rows,
        y=y,
        classes=classes,
        groups=None if groups is None else groups[kept],
        also={name: values[kept] for name, values in also.items()},
        names=np.array([f"row {at}" for at in kept], dtype=str) if some else None,
        **_kind(rows, path, intake),
    )


def _further(
    archive: zipfile.ZipFile, rows: Rows, path: Path, intake: Intake
) -> dict[str, np.ndarray]:
    """The arrays of `data.also`, by name."""
    found = {}
    for name, kind in intake.params.also.items():
        values = _small(archive, name, path)
        _check_length(name, values, rows, path)
        plain = values.dtype.kind in "uif" and np.isfinite(values).all()
        if kind == "number" and not plain:
            raise UserError(
                f'{path}: "{name}" must hold finite numbers to be a number of data.also'
            )
        found[name] = values.astype(str if kind == "class" else np.float64)
    return found


def _check_length(name: str, values: np.ndarray, rows: Rows, path: Path) -> None:
    if values.shape != (len(rows),):
        raise UserError(
            f'{path}: "{name}" must be of shape ({len(rows)},), one for each example '
            f"of x, not {values.shape}"
        )


def _names(labels: np.ndarray, intake: Intake) -> np.ndarray:
    """Labels as text, `(n,)`; whole numbers may stand for names of `data.classes`."""
    if labels.dtype.kind == "f" and np.array_equal(labels, np.round(labels)):
        labels = labels.astype(np.int64)  # 1.0 is class 1
    names, wanted = labels.astype(str), intake.params.classes
    if wanted is None or labels.dtype.kind not in "ui" or set(wanted) & set(names):
        return names
    at = labels.astype(np.int64)
    inside = (at >= 0) & (at < len(wanted))
    return np.where(inside, np.array(wanted)[np.where(inside, at, 0)], names)


def _answers(labels: np.ndarray, intake: Intake) -> tuple[np.ndarray, tuple]:
    if intake.wants_numbers:
        return labels.astype(np.float64), ()
    values, number = np.unique(labels, return_inverse=True)
    y, classes = intake.class_numbers(values.astype(str).tolist())
    return y[number], classes


def _kind(rows: Rows, path: Path, intake: Intake) -> dict:
    if len(rows.shape) == 2:
        return {"modality": "table", "learns": "standardise"}
    if len(rows.shape) == 4 and rows.shape[-1] in (1, 3):
        return {"scale": 1 / 255 if rows.dtype == np.uint8 else 1.0}
    if intake.params.as_is:
        return {"modality": "table"}
    raise UserError(
        f"{path}: x must be a table (n, columns) or images (n, height, width, 1 or 3), "
        f"not {rows.shape}; data.as_is: true takes arrays of any shape"
    )


def _open(archive: zipfile.ZipFile, name: str, path: Path) -> BinaryIO:
    names = [entry.removesuffix(".npy") for entry in archive.namelist()]
    if name not in names:
        known = ", ".join(names)
        raise UserError(
            f'{path}: no array "{name}"{nearest(name, names)} (there are: {known})'
        )
    return archive.open(f"{name}.npy")


def _small(archive: zipfile.ZipFile, name: str, path: Path) -> np.ndarray:
    with _open(archive, name, path) as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _stream(archive: zipfile.ZipFile, path: Path, intake: Intake) -> Rows:
    """`x` as rows on the disk; grey images without a channel axis get one."""
    with _open(archive, "x", path) as file:
        np.lib.format.read_magic(file)
        shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
        if fortran or dtype.kind not in "uif" or len(shape) < 2:
            raise UserError(
                f'{path}: "x" must be a C-ordered array of numbers, (n, ...), '
                f"not {dtype} {shape}"
            )
        grey = len(shape) == 3 and not intake.params.as_is
        inner = (*shape[1:], 1) if grey else shape[1:]
        stored = dtype if dtype == np.uint8 else np.dtype(np.float32)
        with intake.writer(inner, stored) as writer:
            _copy(file, dtype, shape[0], writer)
    return Rows(writer.path)


def _copy(file: BinaryIO, dtype: np.dtype, count: int, writer) -> None:
    stride = int(np.prod(writer.shape)) * dtype.itemsize
    while writer.count < count:
        some = min(count - writer.count, max(1, CHUNK_BYTES // stride))
        values = np.frombuffer(file.read(some * stride), dtype)
        writer.append(values.reshape(some, *writer.shape).astype(writer.dtype))


def _good(rows: Rows, labels: np.ndarray, path: Path, intake: Intake) -> np.ndarray:
    """Positions of the examples that are finite and of a class of the list."""
    finite = np.concatenate(
        [np.isfinite(part).reshape(len(part), -1).all(axis=1) for part in chunks(rows)]
    )
    wanted = intake.params.classes
    values, number = np.unique(labels, return_inverse=True)
    known = np.isin(values.astype(str), wanted or values.astype(str))[number]
    for at in np.flatnonzero(~finite | ~known):
        reason = "holds NaN or infinity" if known[at] else intake.outside(labels[at])
        intake.bad(f"row {at}", reason, path)
    return np.flatnonzero(finite & known)
