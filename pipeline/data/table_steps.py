"""Preprocessing of tables: categories become one-hot, gaps the median and an indicator.

In: raw rows, float64 `(n, columns)`; a gap is NaN, a category the number of its text.
Out: float64 `(n, outputs)`. Everything is learned from the training split.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import IO, Any

import numpy as np

NUMBER_BITS = 52  # a float64 holds every whole number of 52 bits
MIN_COUNT = 2  # a category of fewer training rows is encoded as unknown
UNKNOWN_CATEGORY = "[unknown]"


def category_number(text: str) -> float:
    """Return the number that stands for the text of a category in raw rows.

    Args:
        text: without surrounding blanks; empty where it is missing.
    """
    digest = hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    return float(int.from_bytes(digest[:8], "big") >> (64 - NUMBER_BITS))


@dataclass(frozen=True)
class EncodeColumns:
    """Encode the columns of a table.

    Args:
        columns: of the raw rows, in their order: `{"name", "kind": "number", "median",
            "indicator"}` or `{"name", "kind": "category", "values"}`. A number gives
            itself, or the median where it is missing, then 1 where it is missing if
            `indicator` is true. A category gives 1 at its place and 0 elsewhere: the
            first place is for unknown values, then come `values`.
    """

    columns: tuple[dict[str, Any], ...]

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for spec.json that a reimplementation needs."""
        return {
            "outputs": list(self.outputs),
            "unknown": "the first place of a category, for values not in the list",
        }

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the columns of the raw rows."""
        return tuple(column["name"] for column in self.columns)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Names of the outputs."""
        return tuple(name for column in self.columns for name in _outputs(column))

    @property
    def indicators(self) -> np.ndarray:
        """True for outputs that are 0 or 1, `(outputs,)`."""
        return np.concatenate([_indicators(column) for column in self.columns])

    def apply(self, rows: np.ndarray) -> np.ndarray:
        """Turn raw rows, `(n, columns)`, into float64 `(n, outputs)`."""
        if rows.ndim != 2 or rows.shape[1] != len(self.columns):
            raise ValueError(f"rows of {len(self.columns)} columns are needed")
        parts = [self._encode(k, rows[:, k]) for k in range(len(self.columns))]
        return np.concatenate(parts, axis=1)

    def _encode(self, position: int, values: np.ndarray) -> np.ndarray:
        column = self.columns[position]
        if column["kind"] == "number":
            values = values.astype(np.float64)
            missing = np.isnan(values)
            filled = np.where(missing, column["median"], values)
            parts = [filled, missing] if column["indicator"] else [filled]
            return np.stack(parts, axis=1).astype(np.float64)
        listed = values[:, None] == self._numbers[position]
        unknown = ~listed.any(axis=1, keepdims=True)
        return np.concatenate([unknown, listed], axis=1).astype(np.float64)

    @cached_property
    def _numbers(self) -> dict[int, np.ndarray]:
        """Position of a column of categories -> the numbers of its values."""
        return {
            k: np.array([category_number(text) for text in column["values"]])
            for k, column in enumerate(self.columns)
            if column["kind"] == "category"
        }


def learn_columns(
    batches: Iterable[np.ndarray],
    names: tuple[str, ...],
    categories: Mapping[int, tuple[str, ...]],
) -> EncodeColumns:
    """Learn medians, indicators and categories.

    Args:
        batches: raw rows of the training split, `(n, columns)`.
        names: of the columns; empty for an array, whose columns have numbers.
        categories: position -> texts of the source's categories.
    """
    with tempfile.TemporaryFile() as file:  # medians need all rows, a column at a time
        columns = _Columns(file, batches)
        names = names or tuple(f"column {k}" for k in range(columns.count))
        return EncodeColumns(
            tuple(
                _category(name, columns.read(k), categories[k])
                if k in categories
                else _number(name, columns.read(k))
                for k, name in enumerate(names)
            )
        )


class _Columns:
    """Rows in a file, each batch column by column.

    Args:
        file: an empty file, open for writing and reading.
        batches: rows, `(n, columns)`.
    """

    def __init__(self, file: IO[bytes], batches: Iterable[np.ndarray]):
        self.file, self.count, self.sizes = file, 0, list[int]()
        self.dtype = np.dtype(np.float64)
        for batch in batches:
            self.count, self.dtype = batch.shape[1], batch.dtype
            self.sizes.append(len(batch))
            file.write(np.ascontiguousarray(batch.T).data)

    def read(self, column: int) -> np.ndarray:
        """Return the values of a column, `(n,)`."""
        values, begin, done = np.empty(sum(self.sizes), self.dtype), 0, 0
        for size in self.sizes:
            self.file.seek((begin + column * size) * self.dtype.itemsize)
            self.file.readinto(values[done : done + size].data)  # type: ignore[attr-defined]
            begin, done = begin + size * self.count, done + size
        return values


def _category(name: str, values: np.ndarray, texts: tuple[str, ...]) -> dict[str, Any]:
    numbers, counts = np.unique(values, return_counts=True)
    frequent = set(numbers[counts >= MIN_COUNT].tolist())
    listed = [text for text in texts if category_number(text) in frequent]
    return {"name": name, "kind": "category", "values": listed}


def _number(name: str, values: np.ndarray) -> dict[str, Any]:
    missing = np.isnan(values)
    median = 0.0 if missing.all() else float(np.nanmedian(values))
    indicator = bool(missing.any())
    return {"name": name, "kind": "number", "median": median, "indicator": indicator}


def _outputs(column: dict[str, Any]) -> tuple[str, ...]:
    name = column["name"]
    if column["kind"] == "number":
        return (name, f"{name} is missing") if column["indicator"] else (name,)
    places = (UNKNOWN_CATEGORY, *(text or "[missing]" for text in column["values"]))
    return tuple(f"{name} = {place}" for place in places)


def _indicators(column: dict[str, Any]) -> np.ndarray:
    count = len(_outputs(column))
    return np.arange(count) > 0 if column["kind"] == "number" else np.ones(count, bool)
