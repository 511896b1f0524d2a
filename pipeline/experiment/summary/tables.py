"""A look at a table: `csv:`, `parquet:` and `text:`."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from pathlib import Path

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing, shown
from pipeline.data.delimited import RowFile, open_rows
from pipeline.data.params import DataParams
from pipeline.data.sources.reader import in_order, is_missing_label, label_name
from pipeline.data.table_cells import is_gap
from pipeline.experiment.summary.summary import SHOWN, Summary, described

MAX_ROWS = 20_000  # rows that are looked at
MAX_CATEGORIES = 50  # different texts of a column of categories
MAX_CLASSES = 50  # different whole numbers that are classes
LONG = 25  # characters: a mean length above it is that of a text
# Usual names of the column to predict, in lower case, the likeliest first.
LABELS = (
    *("label", "class", "target", "labels", "category", "species", "outcome"),
    *("diagnosis", "y", "sentiment", "price", "quality", "survived", "churn"),
)
TEXTS = ("text", "review", "message", "sentence", "comment", "content", "tweet")
THOUSANDS = re.compile(r"\s*[+-]?\d{1,3}(?:([.,' ])\d{3})(?:\1\d{3})*(?:[.,]\d+)?\s*")
DATE = re.compile(r"\s*\d{1,4}[-./]\d{1,2}[-./]\d{1,4}(?:[T ][\d:.]+\w*)?\s*")
SEPARATOR_NAMES = {"\t": "tab"}


@dataclass(frozen=True)
class Column:
    """The first cells of a column.

    Args:
        name: in the header.
        cells: text of the cells.
        file: it converts text to numbers.
    """

    name: str
    cells: list[str]
    file: RowFile

    @cached_property
    def filled(self) -> list[str]:
        """Cells with a value."""
        return [cell for cell in self.cells if not is_gap(cell)]

    @cached_property
    def numbers(self) -> np.ndarray:
        """The filled cells as numbers; NaN for other text."""
        return self.file.numbers(self.filled)

    @property
    def is_numeric(self) -> bool:
        """True if every filled cell is a number."""
        return bool(self.filled) and not np.isnan(self.numbers).any()

    @property
    def has_gaps(self) -> bool:
        """True if a cell has no value."""
        return len(self.filled) < len(self.cells)

    @cached_property
    def texts(self) -> set[str]:
        """Different texts of the filled cells."""
        return {cell.strip() for cell in self.filled}

    @property
    def is_long(self) -> bool:
        """True for texts of several words."""
        length = np.mean([len(cell) for cell in self.filled]) if self.filled else 0
        return not self.is_numeric and float(length) > LONG

    @property
    def numbers_rows(self) -> bool:
        """True for 0, 1, 2, ... or the like, which tell the order of the rows."""
        whole = self.is_numeric and not self.has_gaps and len(self.cells) > 2
        return whole and bool((np.diff(self.numbers) == 1).all())


def numbers(path: Path, params: DataParams, summary: Summary) -> None:
    """Note the columns of a table of numbers and categories.

    Raises:
        UserError: when no setting makes inputs and a label of its columns.
    """
    columns = _columns(path, params, summary)
    label = _label(columns, summary)
    inputs = [column for column in columns if column is not label and column.name]
    ignored = [c for c in inputs if _is_ignored(c)]
    inputs = [column for column in inputs if column not in ignored]
    texts = [column.name for column in ignored if column.is_long]
    if not inputs:
        advice = f"; for texts: --source text:{path}" if texts else ""
        reasons = "; ".join(f"{shown(c.name)}: {_reason(c)}" for c in ignored[:SHOWN])
        raise UserError(f"{path}: no column is left as an input ({reasons}){advice}")
    categories = [column.name for column in inputs if not column.is_numeric]
    settings = summary.settings.setdefault("columns", {})
    for key, names in (
        ("ignore", [c.name for c in ignored]),
        ("categories", categories),
    ):
        if names:
            settings[key] = names
    if any(c.has_gaps and c.is_numeric for c in inputs):
        settings["gaps"] = "median"
        gaps = [column.name for column in inputs if column.has_gaps]
        summary.add(f"with gaps: {listing(gaps, SHOWN)}")
    summary.add(f"{len(inputs)} inputs: {listing([c.name for c in inputs], SHOWN)}")
    for column in ignored[:SHOWN]:
        summary.add(f"not an input: {shown(column.name)} ({_reason(column)})")
    if len(ignored) > SHOWN:
        names = [column.name for column in ignored[SHOWN:]]
        summary.add(f"not inputs either: {listing(names)}")
    _target(label, summary)


def texts(path: Path, params: DataParams, summary: Summary) -> None:
    """Note the columns of a table of texts.

    Raises:
        UserError: when it has no column of texts, or none of labels.
    """
    columns = _columns(path, params, summary)
    text = _named(columns, TEXTS) or max(columns, key=_mean_length)
    if text.is_numeric or len(columns) < 2:
        names = listing([column.name for column in columns])
        raise UserError(f"{path}: must hold a text and a label column; it has {names}")
    others = [column for column in columns if column is not text]
    if text.name != "text":
        summary.settings["columns"] = {"text": text.name}
    else:
        summary.defaults["columns"] = {"text": "text"}
    label = _label(others, summary)
    words = [len(cell.split()) for cell in text.filled]
    longest = int(np.percentile(words, 90)) if words else 0
    summary.add(f"nine of ten texts have at most {longest} words (text.length)")
    if longest > params.text.length:
        summary.settings["text"] = {"length": min(longest, 256)}
    _target(label, summary)


def _columns(path: Path, params: DataParams, summary: Summary) -> list[Column]:
    file = open_rows(path, params.columns, params.limits.decompressed)
    header, width = file.header, len(file.header)
    rows = [row for _, row in islice(file.rows(), MAX_ROWS) if len(row) == width]
    if not rows:
        raise UserError(f"{path}: must hold a row of column names and rows of values")
    more = "the first " if len(rows) == MAX_ROWS else ""
    separator = SEPARATOR_NAMES.get(file.separator, file.separator)
    defaults = summary.defaults.setdefault("columns", {})
    if file.separator:
        summary.add(f'{more}{len(rows)} rows; separator "{separator}"')
        defaults |= {"separator": None, "decimal": None}
    else:
        summary.add(f"{more}{len(rows)} rows")
    cells = zip(*rows)
    return [Column(name, list(c), file) for name, c in zip(header, cells)]


def _label(columns: list[Column], summary: Summary) -> Column:
    """The column with a usual name, or the last one."""
    label = _named(columns, LABELS) or columns[-1]
    if label.name == "label":
        summary.defaults.setdefault("columns", {})["label"] = "label"
        return label
    summary.settings.setdefault("columns", {})["label"] = label.name
    how = "the last column" if label is columns[-1] else "by its name"
    summary.add(f'label: "{label.name}" ({how}; name another one if that is wrong)')
    return label


def _named(columns: list[Column], names: tuple[str, ...]) -> Column | None:
    by_name = {column.name.lower(): column for column in columns}
    return next((by_name[name] for name in names if name in by_name), None)


def _is_ignored(column: Column) -> bool:
    """Columns that tell nothing, or only which row it is."""
    if not column.filled or column.numbers_rows:
        return True
    return not column.is_numeric and len(column.texts) > MAX_CATEGORIES


def _reason(column: Column) -> str:
    """Why a column is not an input."""
    if not column.filled:
        return "empty"
    if column.numbers_rows:
        return "numbers the rows"
    if all(map(THOUSANDS.fullmatch, column.filled)):
        return f"numbers such as {shown(column.filled[0])}: remove the thousands mark"
    if all(map(DATE.fullmatch, column.filled)):
        return "dates: replace them by numbers, such as the month"
    return f"{len(column.texts)} different texts"


def _mean_length(column: Column) -> float:
    is_text = not column.is_numeric and bool(column.filled)
    return float(np.mean([len(cell) for cell in column.filled])) if is_text else 0.0


def _target(label: Column, summary: Summary) -> None:
    usable = [t for t in label.cells if t.strip() and not is_missing_label(t, None)]
    values = label.numbers if label.is_numeric else np.zeros(0)
    fractions = bool((values % 1 != 0).any())
    summary.numbers = fractions or len(np.unique(values)) > MAX_CLASSES
    if summary.numbers:
        summary.add(
            f"{label.name}: numbers from {values.min():.6g} to {values.max():.6g}"
        )
    else:
        counts = Counter(label_name(t, None, label.file.decimal) for t in usable)
        names = list(in_order(counts))
        summary.add(f"{label.name}: {described(names)}")
    if len(usable) < len(label.cells):
        summary.add(
            f"rows without a {label.name}: on_bad_example: skip leaves them out"
        )
