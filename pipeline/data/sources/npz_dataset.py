"""`npz:FILE`: arrays `x`, `(n, ...)`, and the label column, or `y` without a `label`.

x of shape `(n, columns)` is a table; `(n, height, width[, channels])` are images, uint8
in 0 .. 255 or floating-point numbers in 0 .. 1; with `data.preprocessing: none`, any
other shape is a table of steps and features. Labels are names or numbers; whole numbers
are positions in `data.classes` where that holds names. A file larger than memory is
read in pieces.
"""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np

from pipeline.core.errors import UserError, did_you_mean
from pipeline.data.examples import Examples
from pipeline.data.rows import CHUNK_BYTES, Rows, RowWriter, chunks
from pipeline.data.sources.reader import ReadContext, source_path


def read(context: ReadContext) -> Examples:
    """Copy `x` to the disk piece by piece, and read the labels; see `SourceReader`."""
    path = source_path(context.source, context.key)
    try:
        with zipfile.ZipFile(path) as archive:
            return _NpzReader(archive, path, context).read()
    except (zipfile.BadZipFile, zlib.error, ValueError, EOFError, OSError) as error:
        raise UserError(f"{path}: not a readable .npz file ({error})") from None


class _NpzReader:
    """Reads the arrays of one open archive."""

    def __init__(self, archive: zipfile.ZipFile, path: Path, context: ReadContext):
        self.archive, self.path, self.context = archive, path, context

    def read(self) -> Examples:
        """Return all usable examples."""
        name, labels = self._labels()
        rows = self._x()
        self._check_numbers(name, labels)
        self._check_length(name, labels, rows)
        if not self.context.wants_numbers:
            labels = _class_names(labels, self.context)
        groups = self._groups(rows)
        targets = self._extra_targets(rows)
        kept = self._usable(rows, labels)
        some = len(kept) < len(rows)
        y, classes = _targets(labels[kept], self.context)
        return Examples(
            x=rows[kept] if some else rows,
            y=y,
            classes=classes,
            groups=None if groups is None else groups[kept],
            extra_targets={name: values[kept] for name, values in targets.items()},
            names=np.array([f"row {k}" for k in kept], dtype=str) if some else None,
            **self._kind(rows),
        )

    def _labels(self) -> tuple[str, np.ndarray]:
        name = self.context.params.columns.label
        if name == "label" and "label.npy" not in self.archive.namelist():
            name = "y"
        return name, self._array(name)

    def _groups(self, rows: Rows) -> np.ndarray | None:
        name = self.context.params.split.group
        if not name:
            return None
        groups = self._array(name).astype(str)
        self._check_length(name, groups, rows)
        return groups

    def _extra_targets(self, rows: Rows) -> dict[str, np.ndarray]:
        targets = {}
        for name, kind in self.context.params.extra_targets.items():
            values = self._array(name)
            self._check_length(name, values, rows)
            is_finite = values.dtype.kind in "uif" and np.isfinite(values).all()
            if kind == "number" and not is_finite:
                raise UserError(
                    f'{self.path}: "{name}" must hold finite numbers to be a number of '
                    "data.extra_targets"
                )
            targets[name] = values.astype(str if kind == "class" else np.float64)
        return targets

    def _check_numbers(self, name: str, labels: np.ndarray) -> None:
        if self.context.wants_numbers and labels.dtype.kind not in "uif":
            raise UserError(
                f'{self.path}: "{name}" must be numbers for data.task '
                f"{self.context.params.task}, not {labels.dtype}"
            )

    def _check_length(self, name: str, values: np.ndarray, rows: Rows) -> None:
        if values.shape != (len(rows),):
            raise UserError(
                f'{self.path}: "{name}" must be of shape ({len(rows)},), one value per '
                f"example of x, not {values.shape}"
            )

    def _kind(self, rows: Rows) -> dict[str, Any]:
        """Return the fields of `Examples` that the shape of `x` decides."""
        if len(rows.shape) == 2:
            return {"modality": "table", "learns": "standardise"}
        if len(rows.shape) == 4 and rows.shape[-1] in (1, 3):
            return {"scale": 1 / 255 if rows.dtype == np.uint8 else 1.0}
        if self.context.params.preprocessing == "none":
            return {"modality": "table"}
        raise UserError(
            f"{self.path}: x must be a table (n, columns) or images (n, height, width, "
            f"1 or 3), not {rows.shape}; data.preprocessing: none takes arrays of any "
            "shape"
        )

    def _open(self, name: str) -> IO[bytes]:
        names = [entry.removesuffix(".npy") for entry in self.archive.namelist()]
        if name not in names:
            raise UserError(
                f'{self.path}: no array "{name}"{did_you_mean(name, names)} '
                f"(there are: {', '.join(names)})"
            )
        return self.archive.open(f"{name}.npy")

    def _array(self, name: str) -> np.ndarray:
        with self._open(name) as file:
            return np.lib.format.read_array(file, allow_pickle=False)

    def _x(self) -> Rows:
        """Copy `x` to the disk; grey images without a channel axis get one."""
        with self._open("x") as file:
            np.lib.format.read_magic(file)
            shape, fortran, dtype = np.lib.format.read_array_header_1_0(file)
            if fortran or dtype.kind not in "uif" or len(shape) < 2:
                raise UserError(
                    f'{self.path}: "x" must be a C-ordered array of numbers, (n, ...), '
                    f"not {dtype} {shape}"
                )
            unprocessed = self.context.params.preprocessing == "none"
            grey = len(shape) == 3 and not unprocessed
            inner = (*shape[1:], 1) if grey else shape[1:]
            stored = dtype if dtype == np.uint8 else np.dtype(np.float32)
            with self.context.writer(inner, stored) as writer:
                _copy(file, dtype, shape[0], writer)
        return Rows(writer.path)

    def _usable(self, rows: Rows, labels: np.ndarray) -> np.ndarray:
        """Return positions of the examples that are finite and of an allowed class."""
        masks = [
            np.isfinite(part).reshape(len(part), -1).all(axis=1)
            for part in chunks(rows)
        ]
        finite, allowed = np.concatenate(masks), self.context.params.classes
        values, number = np.unique(labels, return_inverse=True)
        known = np.isin(values.astype(str), allowed or values.astype(str))[number]
        for row in np.flatnonzero(~finite | ~known):
            reason = "holds NaN or infinity"
            if not known[row]:
                reason = self.context.outside(labels[row])
            self.context.bad(f"row {row}", reason, self.path)
        return np.flatnonzero(finite & known)


def _class_names(labels: np.ndarray, context: ReadContext) -> np.ndarray:
    """Return labels, `(n,)` of str; whole numbers may be positions in the classes."""
    if labels.dtype.kind == "f" and np.array_equal(labels, np.round(labels)):
        labels = labels.astype(np.int64)  # 1.0 is class 1
    names, allowed = labels.astype(str), context.params.classes
    if allowed is None or labels.dtype.kind not in "ui" or set(allowed) & set(names):
        return names
    numbers = labels.astype(np.int64)
    inside = (numbers >= 0) & (numbers < len(allowed))
    return np.where(inside, np.array(allowed)[np.where(inside, numbers, 0)], names)


def _targets(
    labels: np.ndarray, context: ReadContext
) -> tuple[np.ndarray, tuple[str, ...]]:
    if context.wants_numbers:
        return labels.astype(np.float64), ()
    values, number = np.unique(labels, return_inverse=True)
    y, classes = context.class_numbers(values.astype(str).tolist())
    return y[number], classes


def _copy(file: IO[bytes], dtype: np.dtype, count: int, writer: RowWriter) -> None:
    stride = int(np.prod(writer.shape)) * dtype.itemsize
    while writer.count < count:
        some = min(count - writer.count, max(1, CHUNK_BYTES // stride))
        values = np.frombuffer(file.read(some * stride), dtype)
        writer.append(values.reshape(some, *writer.shape).astype(writer.dtype))
