"""`npz:FILE`: arrays `x`, `(n, ...)`, and the label column, or `y` without a `label`.

x of shape `(n, columns)` is a table; `(n, height, width[, channels])` are images; with
`data.preprocessing: none`, any other shape is a table of steps and features. Labels are
names, numbers, or one-hot; whole numbers are positions in `data.classes` where that
holds names. `x_train`, `x_test`, ... in the place of `x` are the source's own splits.
`npz:FILE#test` reads `x_test` and `y_test` alone, `npz:FILE#images,labels` arrays of
these names. A file larger than memory is read in pieces.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.array_copy import copy_arrays
from pipeline.data.array_files import ArrayStore, open_npz, read_array
from pipeline.data.array_labels import check_length, class_names, column_of
from pipeline.data.examples import Examples
from pipeline.data.image_arrays import image_rows
from pipeline.data.narrowing import narrowed
from pipeline.data.paths import source_path
from pipeline.data.rows import chunks
from pipeline.data.sources.reader import ReadContext, is_missing_label
from pipeline.data.sources.registry import part_of
from pipeline.data.stored import Stored

LARGEST = float(np.finfo(np.float32).max)
# Split -> endings of the names of its arrays.
OWN_SPLITS = {
    "train": ("train",),
    "validation": ("validation", "valid", "val"),
    "test": ("test",),
}


def read(context: ReadContext) -> Examples:
    """Copy `x` to the disk piece by piece, and read the labels; see `SourceReader`."""
    path = source_path(context.source, context.key)
    with open_npz(path, context.params.limits.decompressed) as store:
        return read_store(store, context)


def read_store(store: ArrayStore, context: ReadContext) -> Examples:
    """Read arrays by their names.

    Args:
        store: of the arrays.
        context: see `SourceReader`.

    Raises:
        UserError: when they do not fit together, or for a bad example.
    """
    if context.params.columns.categories:
        raise UserError(
            "data.columns.categories: arrays have no column names; store the table as "
            "CSV"
        )
    return _ArrayReader(store, context).read()


class _ArrayReader:
    """Reads the arrays of one open store."""

    def __init__(self, store: ArrayStore, context: ReadContext):
        self.store, self.path, self.context = store, store.path, context
        self.part = part_of(context.source)

    def read(self) -> Examples:
        """Return all usable examples."""
        label, endings = self._label(), self._endings()
        rows, origin = self._x(endings)
        labels = self._labels(label, endings, len(rows))
        self._check_numbers(label, labels)
        check_length(self.path, label, labels, len(rows))
        labels = class_names(labels, self.context)
        groups, targets = self._groups(rows), self._extra_targets(rows)
        kept = self._usable(rows, labels)
        rows, fields = self._kind(rows)
        some = len(kept) < len(rows)
        y, classes = _targets(labels[kept], self.context)
        return Examples(
            x=rows[kept] if some else rows,
            y=y,
            classes=classes,
            groups=None if groups is None else groups[kept],
            extra_targets={name: values[kept] for name, values in targets.items()},
            names=kept if some else None,
            own_test=_own(origin[kept], "test"),
            own_validation=_own(origin[kept], "validation"),
            **fields,
        )

    def _label(self) -> str:
        if "," in self.part:
            return self.part.rpartition(",")[2].strip()
        name, names = self.context.params.columns.label, self.store.names()
        endings = [self.part] if self.part else OWN_SPLITS["train"]
        own = any(f"{name}_{end}" in names for end in endings)
        return "y" if name == "label" and name not in names and not own else name

    def _endings(self) -> dict[str, str]:
        """Return the source's own splits -> endings of array names; else one, empty."""
        names = self.store.names()
        if "," in self.part:
            return {"": ""}
        if self.part:
            return {"": f"_{self.part}"}
        if "x" in names or "x_train" not in names:
            return {"": ""}
        return {
            split: f"_{ending}"
            for split, endings in OWN_SPLITS.items()
            for ending in endings
            if f"x_{ending}" in names
        }

    def _labels(self, name: str, endings: dict[str, str], count: int) -> np.ndarray:
        if self.context.unlabelled:
            return np.zeros(count, np.int64)
        return self._columns(name, endings.values())

    def _columns(self, name: str, endings: Iterable[str]) -> np.ndarray:
        one_hot = not self.context.wants_numbers
        columns = [
            column_of(
                read_array(self.store, f"{name}{ending}"),
                f"{name}{ending}",
                self.path,
                one_hot,
            )
            for ending in endings
        ]
        return columns[0] if len(columns) == 1 else np.concatenate(columns)

    def _x(self, endings: dict[str, str]) -> tuple[Stored, np.ndarray]:
        """Return all examples, and the split of each; empty without own splits."""
        example = self.part.partition(",")[0].strip() if "," in self.part else "x"
        names = [f"{example}{ending}" for ending in endings.values()]
        rows, counts = copy_arrays(self.store, names, self.context)
        return rows, np.repeat(np.array(list(endings), str), counts)

    def _groups(self, rows: Stored) -> np.ndarray | None:
        name = self.context.params.split.group
        if not name:
            return None
        groups = column_of(read_array(self.store, name), name, self.path)
        check_length(self.path, name, groups, len(rows))
        return groups.astype(str)

    def _extra_targets(self, rows: Stored) -> dict[str, np.ndarray]:
        targets = {}
        for name, kind in self.context.params.extra_targets.items():
            values = column_of(read_array(self.store, name), name, self.path)
            check_length(self.path, name, values, len(rows))
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

    def _kind(self, rows: Stored) -> tuple[Stored, dict[str, Any]]:
        """Return the stored rows, and the fields of `Examples` that `x` decides."""
        unprocessed = self.context.params.preprocessing == "none"
        if len(rows.shape) == 2:
            table = {"modality": "table", "learns": "standardise"}
            double = rows.dtype == np.float64
            return narrowed(rows, self.context) if double else rows, table
        if len(rows.shape) == 4 and rows.shape[-1] in (1, 3):
            scaled = (rows, 1.0) if unprocessed else image_rows(rows, self.context)
            return scaled[0], {"scale": scaled[1]}
        if unprocessed:
            return rows, {"modality": "table"}
        raise UserError(
            f"{self.path}: x must be a table (n, columns) or images (n, height, width, "
            f"1 or 3), not {rows.shape}{_advice(rows.shape)}; data.preprocessing: none "
            "takes arrays of any shape"
        )

    def _usable(self, rows: Stored, labels: np.ndarray) -> np.ndarray:
        """Return positions of the examples that are finite and of an allowed class."""
        gaps = self.context.params.columns.gaps == "median" and len(rows.shape) == 2
        finite = np.concatenate([_finite(part, gaps) for part in chunks(rows)])
        reasons = self._label_problems(labels)
        for row, reason in reasons.items():
            self.context.bad(f"row {row}", reason, self.path)
        usable = finite.copy()
        usable[list(reasons)] = False
        for row in np.flatnonzero(~finite).tolist():
            if row not in reasons:
                self.context.bad(f"row {row}", "holds NaN or infinity", self.path)
        return np.flatnonzero(usable)

    def _label_problems(self, labels: np.ndarray) -> dict[int, str]:
        """Return row -> why its label cannot be used."""
        if self.context.wants_numbers:
            bad = np.flatnonzero(~np.isfinite(labels.astype(np.float64)))
            return {int(row): f"its label is {labels[row]}" for row in bad}
        allowed = self.context.params.classes
        values, number = np.unique(labels, return_inverse=True)
        reasons = [self._class_problem(str(value), allowed) for value in values]
        rows = np.flatnonzero(np.array([bool(reason) for reason in reasons])[number])
        return {int(row): reasons[number[row]] for row in rows}

    def _class_problem(self, label: str, allowed: list[str] | None) -> str:
        if not label.strip():
            return "has no label"
        if is_missing_label(label, allowed) or label in ("inf", "-inf"):
            return f"its label is {label}"
        if allowed is not None and label not in allowed:
            return self.context.outside(label)
        return ""


def _finite(part: np.ndarray, gaps: bool) -> np.ndarray:
    """Return True per example of 32-bit numbers, `(n,)`; NaN may be a gap."""
    if part.dtype == np.uint8:
        return np.ones(len(part), bool)
    values = part.reshape(len(part), -1)
    usable = np.abs(values) <= LARGEST
    return (usable | np.isnan(values) if gaps else usable).all(axis=1)


def _advice(shape: tuple[int, ...]) -> str:
    """Return the line of NumPy that turns an array into images."""
    if len(shape) == 4 and shape[1] in (1, 3):
        return "; channels must be last: x = x.transpose(0, 2, 3, 1)"
    if len(shape) == 4 and shape[-1] == 4:
        return "; leave the transparency out: x = x[..., :3]"
    return ""


def _own(origin: np.ndarray, name: str) -> np.ndarray | None:
    mask = origin == name
    return mask if mask.any() else None


def _targets(
    labels: np.ndarray, context: ReadContext
) -> tuple[np.ndarray, tuple[str, ...]]:
    if context.wants_numbers:
        return labels.astype(np.float64), ()
    values, number = np.unique(labels, return_inverse=True)
    y, classes = context.class_numbers(values.astype(str).tolist())
    return y[number], classes
