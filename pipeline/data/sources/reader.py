"""Readers of sources: their common signature, and what they share.

A module `<kind>_dataset` has a function `read(context)`, see `SourceReader`.
A bad example is one clear error that names its file or row, or, with
`data.on_bad_example: skip`, a line of skipped.csv.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.quoting import shown
from pipeline.data.examples import Examples
from pipeline.data.parallel import cores
from pipeline.data.params import DataParams
from pipeline.data.sources.registry import whole_of
from pipeline.data.stored import Writer, rows_writer
from pipeline.engine.stage import silent
from pipeline.tasks.registry import get

# Different labels with a fraction that a classification takes without a question.
MAX_FRACTIONAL_LABELS = 50
MISSING = frozenset({"na", "n/a", "nan", "null", "<na>", "?"})  # labels, lower case
WHOLE_NUMBER = re.compile(r"(-?[0-9]+)\.0*")


@dataclass
class ReadContext:
    """Settings, scratch space and error handling for reading one source.

    Args:
        params: the data section.
        scratch: a folder for files that are deleted when the stage ends.
        skipped: `(source, file or row, reason)` of every example that was left out;
            readers append to it through `bad`.
        source: `kind:name`, as the experiment file names it.
        key: dotted key that names the source, for errors: data.source or data.extend.
        notes: sentences about the source that the user should read.
        progress: called as `progress("decoding files", done=3, total=60)`; default
            silent.
        resumable: a folder for what a later run of the stage finds again after a crash;
            default None: `scratch`.
        seed: of the experiment, for sources that are made here; default 0.
    """

    params: DataParams
    scratch: Path
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    source: str = ""
    key: str = "data.source"
    notes: list[str] = field(default_factory=list)
    progress: Callable[..., None] = silent
    resumable: Path | None = None
    seed: int = 0

    @property
    def name(self) -> str:
        """What follows the colon of the source: a path, or the name of a data set."""
        return whole_of(self.source).partition(":")[2]

    def bad(self, place: str, reason: str, container: Path | str) -> None:
        """Raise an error about an example, or record that it is left out.

        Args:
            place: its file or row, relative to the container.
            reason: a phrase that follows the place.
            container: the folder or file that holds the example.

        Raises:
            UserError: unless bad examples are skipped.
        """
        place = shown(place, 300)
        if self.params.on_bad_example == "error":
            raise UserError(
                f"{container}: {place}: {reason}; fix the file, or set "
                "`data.on_bad_example: skip`"
            )
        self.skipped.append((self.source, place, reason))

    def note(self, sentence: str) -> None:
        """Record a sentence for metrics.json and the terminal, once."""
        if sentence not in self.notes:
            self.notes.append(sentence)

    @property
    def compressed(self) -> bool:
        """Whether examples are stored in compressed shards."""
        return self.params.cache == "shards"

    def writer(self, shape: Sequence[int], dtype: npt.DTypeLike) -> Writer:
        """Open a scratch file for examples that may not fit into memory.

        Args:
            shape: of one example.
            dtype: of its numbers.
        """
        number = len(list(self.scratch.iterdir()))
        while any(self.scratch.glob(f"{number}[.-]*")):
            number += 1  # an earlier file was deleted
        path = self.scratch / str(number)
        return rows_writer(path, shape, dtype, self.compressed, cores())

    @property
    def wants_numbers(self) -> bool:
        """Whether labels are numbers to predict, not classes."""
        return get(self.params.task).labels == "numbers"

    @property
    def wants_series(self) -> bool:
        """Whether examples are windows of numbers over time."""
        labeled = self.params.series.label is not None
        return labeled or get(self.params.task).labels == "series"

    @property
    def wants_rankings(self) -> bool:
        """Whether rows are interactions of users with items, or triples of a graph."""
        return get(self.params.task).labels == "interactions"

    @property
    def unlabelled(self) -> bool:
        """Whether no labels are read."""
        return get(self.params.task).labels in ("none", "images")

    def class_numbers(
        self, labels: Sequence[str]
    ) -> tuple[np.ndarray, tuple[str, ...]]:
        """Number labels in the order of `data.classes`, or of `data.class_order`.

        Args:
            labels: class names, one per example.

        Returns:
            `(n,)` int64, -1 for a label that is not in the list, and the list.

        Raises:
            UserError: when the labels are evidently measured numbers.
        """
        if self.unlabelled:
            return np.zeros(len(labels), np.int64), ()
        if self.params.classes is None and get(self.params.task).predicts_classes:
            self._refuse_numbers(set(labels))
        ordered = sorted if self.params.class_order == "text" else in_order
        classes = tuple(
            self.params.classes or self._counted(labels) or ordered(set(labels))
        )
        number = {name: position for position, name in enumerate(classes)}
        return np.array([number.get(label, -1) for label in labels], np.int64), classes

    def _counted(self, labels: Sequence[str]) -> list[str] | None:
        """The names 0, 1, ... of `data.class_count`, if all labels are among them."""
        if not get(self.params.task).predicts_classes:
            return None  # outputs are no classes
        names = list(map(str, range(self.params.class_count or 0)))
        return names if set(labels) <= set(names) else None

    def _refuse_numbers(self, labels: Collection[str]) -> None:
        numbers = {value for value in map(finite, labels) if value is not None}
        fractional = sorted(value for value in numbers if value % 1)
        if len(fractional) > MAX_FRACTIONAL_LABELS and all(map(_is_number, labels)):
            raise UserError(
                f'{self.key} "{self.source}": its labels hold {len(fractional):,} '
                f"different numbers with a fraction ({fractional[0]:g}, "
                f"{fractional[1]:g}, ...), and a classification treats each of them as "
                "a class; to predict the number, set data.task: regression; or name "
                "another column (data.columns.label), or the numbers that are classes "
                "(data.classes)"
            )

    def outside(self, label: str) -> str:
        """Return the reason why a label is refused that is not in `data.classes`."""
        classes = self.params.classes or []
        return (
            f'label "{shown(label)}" is not one of data.classes'
            f"{did_you_mean(str(label), classes)}"
        )


class SourceReader(Protocol):
    """A module `<kind>_dataset` of this package, which reads one kind of source."""

    def read(self, context: ReadContext) -> Examples:
        """Read all examples of a source.

        Args:
            context: names the source, holds the settings, opens scratch files, and
                receives bad examples.

        Returns:
            The examples, unsplit, in an order that is the same on every machine.

        Raises:
            UserError: when the source is missing, malformed or does not serve the
                task, or when an example is bad and bad ones are not skipped.
        """


def label_name(text: str, allowed: Sequence[str] | None, mark: str = ".") -> str:
    """Return the name of the class that a label means.

    Blanks around it are left out, and a whole number is written without a fraction: `1`
    and `1.0` are one class.

    Args:
        text: the label as the source writes it.
        allowed: `data.classes`; a label that is in the list is left unchanged.
        mark: decimal mark of the file; default a point.
    """
    if allowed is not None and text in allowed:
        return text
    name = text.strip()
    match = WHOLE_NUMBER.fullmatch(name.replace(",", ".") if mark == "," else name)
    return match.group(1) if match else name


def is_missing_label(text: str, allowed: Sequence[str] | None) -> bool:
    """Return whether a label is `nan` or the like, as programs write a missing value.

    `none` and `-` are names of classes, too, so they are not missing.

    Args:
        text: the label as the source writes it.
        allowed: `data.classes`; a label that is in the list is not missing.
    """
    return text.strip().lower() in MISSING and text not in (allowed or ())


def file_name_field(file_name: str | None, stem: str, name: str) -> str | None:
    """Return a field of a file name: `speaker` of `theo_12` by `{speaker}_{index}`.

    Args:
        file_name: the pattern of `data.file_name`.
        stem: the file name without its extension.
        name: of the field.

    Returns:
        None when the file name does not follow the pattern.
    """
    pieces = re.split(r"(\{[a-z_]+\})", file_name or "")
    pattern = "".join(
        f"(?P<{p[1:-1]}>.+?)" if p.startswith("{") else re.escape(p) for p in pieces
    )
    match = re.fullmatch(pattern, stem)
    return match.group(name) if match and name in match.groupdict() else None


def write_skipped(path: Path, skipped: Sequence[tuple[str, str, str]]) -> None:
    """Write skipped.csv.

    Args:
        path: of the file.
        skipped: `(source, file or row, reason)` of every example that was left out.
    """
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("source", "example", "reason"), *skipped])


def finite(text: str) -> float | None:
    """Return the number that a field holds; None unless it is finite."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def in_order(names: Collection[str]) -> tuple[str, ...]:
    """Sort names: numbers by value, then words in alphabetical order."""
    return tuple(sorted(names, key=_natural))


def _natural(label: str) -> tuple[int, float, str]:
    return (0, float(label), label) if _is_number(label) else (1, 0.0, label)


def _is_number(text: str) -> bool:
    """Whether a field is not a word; `nan` and `inf` are numbers here."""
    try:
        float(text)
    except ValueError:
        return False
    return True
