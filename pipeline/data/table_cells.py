"""Cells of the inputs of a table as numbers: used by `csv:` and by `predict`.

In: rows of text. Out: float64 `(n, columns)`; a gap is NaN, a category the number of
its text; and per row, why it cannot be used.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing, shown
from pipeline.data.delimited import RowFile
from pipeline.data.sources.reader import ReadContext
from pipeline.data.table_roles import Roles
from pipeline.data.table_steps import category_number

# Text of a cell without a value, in lower case.
GAPS = frozenset({"", "na", "n/a", "nan", "null", "none", "?", "-"})
LARGEST = float(np.finfo(np.float32).max)
MISSING = " (data.columns.gaps: median fills it)"


class CellParser:
    """Converts the cells of the inputs.

    Args:
        names: names of the inputs.
        categories: positions among the inputs of those that hold categories.
        may_be_missing: returns True for text that a column of numbers may hold; it
            becomes NaN.
    """

    def __init__(
        self,
        names: tuple[str, ...],
        categories: set[int],
        may_be_missing: Callable[[str], bool],
    ):
        self.names, self.categories = names, categories
        self.may_be_missing = may_be_missing
        self.texts: list[dict[str, float]] = [{} for _ in names]

    def parse(self, columns: list[list[str]], file: RowFile) -> np.ndarray:
        """Return the cells of all inputs as numbers, float64 `(n, columns)`.

        Args:
            columns: the cells of each input.
            file: it converts text to numbers.
        """
        values = [
            self._codes(k, cells) if k in self.categories else file.numbers(cells)
            for k, cells in enumerate(columns)
        ]
        return np.stack(values, axis=1)

    def reasons(self, columns: list[list[str]], values: np.ndarray) -> list[str]:
        """Return per row why it cannot be used; an empty text where it can."""
        bad = np.isnan(values) | (np.abs(values) > LARGEST)
        reasons = [""] * len(values)
        for row, position in np.argwhere(bad)[::-1]:  # the first column of a row wins
            cell = columns[position][row]
            if position in self.categories or self.may_be_missing(cell):
                continue
            advice = MISSING if is_gap(cell) else ""
            name, text = shown(self.names[position]), shown(repr(cell))
            kind = (
                "a 32-bit number" if np.isfinite(values[row, position]) else "a number"
            )
            reasons[row] = f'column "{name}" is {text}, not {kind}{advice}'
        return reasons

    def _codes(self, position: int, cells: list[str]) -> np.ndarray:
        known = self.texts[position]
        for cell in set(cells) - known.keys():
            known[cell] = category_number(category_text(cell))
        return np.array([known[cell] for cell in cells], np.float64)


class CellReader:
    """Cells of the inputs of a source.

    Args:
        roles: of the columns.
        file: of rows.
        context: the settings.
    """

    def __init__(self, roles: Roles, file: RowFile, context: ReadContext):
        self.roles, self.file = roles, file
        categories = {k for k, p in enumerate(roles.inputs) if p in roles.categories}
        gaps = is_gap if context.params.columns.gaps == "median" else is_never_missing
        self.parser = CellParser(roles.input_names, categories, gaps)
        self.checked = False

    def read(self, rows: list[list[str]]) -> tuple[np.ndarray, list[str]]:
        """Return the inputs, float64 `(n, columns)`, and per row its problem.

        Raises:
            UserError: for a column without a single number.
        """
        columns = [[row[position] for row in rows] for position in self.roles.inputs]
        values = self.parser.parse(columns, self.file)
        if rows and not self.checked:
            self._check_columns(columns, values)
            self.checked = True
        return values, self.parser.reasons(columns, values)

    def categories(self) -> dict[int, tuple[str, ...]]:
        """Return position among the inputs -> the texts of its categories."""
        return {
            position: tuple(sorted({category_text(t) for t in texts}))
            for position, texts in enumerate(self.parser.texts)
            if position in self.parser.categories
        }

    def _check_columns(self, columns: list[list[str]], values: np.ndarray) -> None:
        """Refuse a column without a single number: its rows are not to blame."""
        empty = [k for k in range(len(columns)) if np.isnan(values[:, k]).all()]
        if not empty:
            return
        texts = [self.parser.names[k] for k in empty]
        names = ", ".join(map(shown, texts))
        sample = shown(repr(columns[empty[0]][0]))
        raise UserError(
            f"{self.file.path}: no number in column {listing(texts)} "
            f"({sample}, ...); set data.columns.ignore: [{names}], or, if they are "
            f"categories, data.columns.categories: [{names}]"
        )


def category_text(cell: str) -> str:
    """Return the text of a category; empty where it is missing."""
    text = cell.strip()
    return "" if is_gap(text) else text


def is_never_missing(cell: str) -> bool:
    """Return False: every cell must hold a number."""
    return False


def is_gap(cell: str) -> bool:
    """Return whether a cell holds no value."""
    return cell.strip().lower() in GAPS
