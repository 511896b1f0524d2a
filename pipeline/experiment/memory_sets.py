"""Data sets of a program, read into arrays.

In: a `tf.data.Dataset`, or an object with `__len__` and `__getitem__`, such as a
PyTorch Dataset, of examples `(x, y)` or x. Out: the arrays `(x, y)` or x.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from pipeline.compress.import_model.archive import check_archive, input_shape
from pipeline.core.errors import UserError


def is_data_set(data: Any) -> bool:
    """Return whether data are neither arrays nor a pair of arrays."""
    if isinstance(data, tuple | list) or hasattr(data, "__array__"):
        return False
    return _is_tf(data) or (hasattr(data, "__len__") and hasattr(data, "__getitem__"))


def arrays_of(data: Any, name: str, model: Path) -> Any:
    """Read all examples of a data set, in its order.

    Args:
        data: as `is_data_set` accepts it.
        name: of the argument, for errors.
        model: file of the model: a `tf.data.Dataset` whose x have one axis more than
            the model's input is batched.

    Returns:
        A pair of arrays, or the array x where examples have no labels.

    Raises:
        UserError: the data set is empty, has no end, or its examples differ in shape
            or are neither pairs nor arrays.
    """
    if _is_tf(data):
        _check_end(data, name)
        parts, join = list(data.as_numpy_iterator()), _joined(data, model)
    else:
        parts, join = [data[index] for index in range(len(data))], "stack"
    if not parts:
        raise UserError(f"{name}: the data set is empty; give one with examples")
    paired = {isinstance(part, tuple | list) for part in parts}
    if paired == {False}:
        return _array(parts, join, name)
    _check_pairs(parts, paired, name)
    return tuple(_array(column, join, name) for column in zip(*parts))


def _check_pairs(parts: Sequence[Any], paired: set[bool], name: str) -> None:
    if len(paired) == 2:
        raise UserError(
            f"{name}: some examples have labels, others none; give all of them a pair "
            "(x, y), or x alone"
        )
    counts = {len(part) for part in parts} - {2}
    if counts:
        raise UserError(
            f"{name}: an element of the data set has {min(counts)} parts; it must be "
            "a pair (x, y), or x alone"
        )


def _is_tf(data: Any) -> bool:
    return hasattr(data, "as_numpy_iterator") and hasattr(data, "element_spec")


def _check_end(data: Any, name: str) -> None:
    if int(data.cardinality()) == -1:  # tf.data.INFINITE_CARDINALITY
        raise UserError(
            f"{name}: the data set repeats without end; leave out .repeat(), or add "
            ".take(n)"
        )


def _joined(data: Any, model: Path) -> str:
    """How elements become one array: batches are concatenated, examples stacked."""
    check_archive(model)
    spec = data.element_spec
    x = spec[0] if isinstance(spec, tuple | list) else spec
    shape = input_shape(model)
    batched = shape is not None and len(x.shape) == len(shape) + 1
    return "concatenate" if batched else "stack"


def _array(parts: Iterable[Any], join: str, name: str) -> Any:
    import numpy as np

    try:
        return getattr(np, join)([np.asarray(part) for part in parts])
    except (ValueError, TypeError) as error:
        raise UserError(
            f"{name}: the examples of the data set make no array: {error}; give "
            "numbers of one shape"
        ) from None
