"""Labels, groups and extra targets in arrays."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.sources.reader import ReadContext, label_name


def check_length(path: Path, name: str, values: np.ndarray, count: int) -> None:
    """Refuse an array that does not have one value per example.

    Raises:
        UserError: it names both shapes.
    """
    if values.shape != (count,):
        raise UserError(
            f'{path}: "{name}" must be of shape ({count},), one value per '
            f"example of x, not {values.shape}"
        )


def column_of(
    array: np.ndarray, name: str, path: Path, one_hot: bool = False
) -> np.ndarray:
    """Return one value per example; a column loses its second axis.

    Args:
        array: `(n,)`, `(n, 1)`, or one-hot `(n, classes)`.
        name: of the array.
        path: of the file, for the error.
        one_hot: True where rows of one 1 among 0 become positions; default False.

    Raises:
        UserError: for labels of another kind.
    """
    if array.ndim == 2 and array.shape[1] == 1:
        array = array[:, 0]
    if array.ndim == 2 and one_hot and _is_one_hot(array):
        return array.argmax(axis=1)
    if array.dtype.kind == "S":
        return np.char.decode(array, "utf-8")
    if array.dtype.kind not in "buifU":
        raise UserError(
            f'{path}: "{name}" must hold numbers or texts, not {array.dtype}; convert '
            f"it: {name} = {name}.astype(str)"
        )
    return array


def _is_one_hot(array: np.ndarray) -> bool:
    if array.dtype.kind not in "buif" or array.shape[1] < 2:
        return False
    ones = array == 1
    return bool(((array == 0) | ones).all() and (ones.sum(axis=1) == 1).all())


def class_names(labels: np.ndarray, context: ReadContext) -> np.ndarray:
    """Return class names, `(n,)` of str; numbers to predict are left unchanged.

    Whole numbers may be positions in `data.classes`.

    Args:
        labels: `(n,)`.
        context: the settings.
    """
    if context.wants_numbers:
        return labels
    if labels.dtype.kind == "f" and _is_whole(labels):
        missing = ~np.isfinite(labels)
        numbers = np.where(missing, 0, labels).astype(np.int64)  # 1.0 is class 1
        if missing.any():
            return np.where(missing, labels.astype(str), _names(numbers, context))
        labels = numbers
    return _names(labels, context)


def _is_whole(labels: np.ndarray) -> bool:
    finite = labels[np.isfinite(labels)]
    return np.array_equal(finite, np.round(finite))


def _names(labels: np.ndarray, context: ReadContext) -> np.ndarray:
    allowed = context.params.classes
    values, number = np.unique(labels, return_inverse=True)
    names = np.array([label_name(str(v), allowed) for v in values.astype(str)], str)
    if allowed is None or labels.dtype.kind not in "ui" or set(allowed) & set(names):
        return names[number]
    inside = (values >= 0) & (values < len(allowed))
    positions = np.where(inside, values, 0).astype(np.int64)
    return np.where(inside, np.array(allowed)[positions], names)[number]
