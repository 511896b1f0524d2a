"""What readers of all kinds share: paths, bad examples, and room on the disk.

A bad example is one clear error that names its file or row, or, with
`data.on_bad: skip`, a line of skipped.csv.
"""

from __future__ import annotations

import csv
import math
import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from pipeline.data.sources.registry import FOLDERS
from pipeline.data.params import DataParams
from pipeline.data.paths import locate
from pipeline.data.rows import RowWriter
from pipeline.core.base_path import base
from pipeline.core.errors import UserError, nearest

MOST_BROKEN = 50  # classes whose names are numbers with a fraction


@dataclass
class Intake:
    """One reading of one source.

    Args:
        params: the data section.
        scratch: a folder for files that are gone when the stage ends.
        skipped: `(source, file or row, reason)` of every example that was left out.
        source: that is read, as the experiment file names it.
        key: at which it does: data.source, or data.extend.
    """

    params: DataParams
    scratch: Path
    skipped: list[tuple[str, str, str]] = field(default_factory=list)
    source: str = ""
    key: str = "data.source"

    def bad(self, place: str, reason: str, where: Path | str) -> None:
        """Complain about an example, or note that it is left out.

        Args:
            place: its file or row, relative to the source.
            where: the source.

        Raises:
            UserError: unless bad examples are skipped.
        """
        if self.params.on_bad == "error":
            raise UserError(
                f"{where}: {place}: {reason}; mend it, or set data.on_bad to skip"
            )
        self.skipped.append((self.source, place, reason))

    def writer(self, shape: Sequence[int], dtype: str) -> RowWriter:
        """A file for examples that may be more than memory holds."""
        number = len(list(self.scratch.iterdir()))
        return RowWriter(self.scratch / f"{number}.npy", shape, dtype)

    @property
    def wants_numbers(self) -> bool:
        """Whether labels are numbers to predict, not classes."""
        return self.params.task == "regression"

    def answers(self, labels: Sequence[str]) -> tuple[np.ndarray, tuple]:
        """What is to be said of each example, and the classes.

        Returns:
            Class numbers and their list, or `(n,)` float64 and nothing.
        """
        if self.wants_numbers:
            return np.array([float(label) for label in labels]), ()
        return self.class_numbers(labels)

    def class_numbers(self, labels: Sequence[str]) -> tuple[np.ndarray, tuple]:
        """Labels as numbers in the order of `data.classes`, or of the alphabet.

        Returns:
            `(n,)` int64, -1 for a label that is not of the list, and the list.
        """
        if self.params.classes is None and self.params.task == "classification":
            self._refuse_numbers(set(labels))
        classes = tuple(self.params.classes or in_order(set(labels)))
        number = {name: at for at, name in enumerate(classes)}
        return np.array([number.get(label, -1) for label in labels], np.int64), classes

    def _refuse_numbers(self, labels: Collection[str]) -> None:
        """Labels that are plainly measured: nobody names classes so."""
        broken = sorted({n for n in map(finite, labels) if n is not None and n % 1})
        if len(broken) > MOST_BROKEN and all(map(_is_number, labels)):
            raise UserError(
                f'{self.key} "{self.source}": its labels hold {len(broken):,} '
                f"different numbers with a fraction ({broken[0]:g}, {broken[1]:g}, "
                "...), and a classification takes each of them for a class; to predict "
                "the number, set data.task: regression; or name another column "
                "(data.columns.label), or the numbers that are classes (data.classes)"
            )

    def outside(self, label: str) -> str:
        """The reason why a label cannot be taken."""
        classes = self.params.classes or []
        return (
            f'label "{label}" is not one of data.classes{nearest(str(label), classes)}'
        )


def source_path(source: str, key: str) -> Path:
    """The file or folder behind `kind:name`, from the working directory.

    Args:
        key: where the source is named, for errors.

    Raises:
        UserError: when it is not there, or not of that kind.
    """
    kind, _, name = source.partition(":")
    path, folder = locate(name, key), kind in FOLDERS
    if path.is_dir() if folder else path.is_file():
        return path
    wanted = "folder" if folder else "file"
    found = "is not one" if path.exists() else "does not exist"
    raise UserError(
        f'{key} "{source}": {path} must be a {wanted} and {found} '
        f"(relative paths begin at {Path.cwd() / base()})"
    )


def named_part(file_name: str | None, stem: str, part: str) -> str | None:
    """A part of a file's name: `speaker` of `theo_12` by `{speaker}_{index}`.

    Returns:
        None when the name does not follow the pattern.
    """
    pieces = re.split(r"(\{[a-z_]+\})", file_name or "")
    pattern = "".join(
        f"(?P<{p[1:-1]}>.+?)" if p.startswith("{") else re.escape(p) for p in pieces
    )
    match = re.fullmatch(pattern, stem)
    return match.group(part) if match and part in match.groupdict() else None


def write_skipped(path: Path, skipped: Sequence[tuple[str, str, str]]) -> None:
    """skipped.csv: every example that was left out, of which source, and why."""
    with path.open("w", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerows([("source", "example", "reason"), *skipped])


def finite(text: str) -> float | None:
    """The number that a field holds, if it holds one that is finite."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def in_order(names: Collection[str]) -> tuple[str, ...]:
    """Numbers by value, before words in alphabetical order."""
    return tuple(sorted(names, key=_natural))


def _natural(label: str) -> tuple:
    return (0, float(label), label) if _is_number(label) else (1, 0.0, label)


def _is_number(text: str) -> bool:
    """Whether a field is no word; `nan` and `inf` are numbers here."""
    try:
        float(text)
    except ValueError:
        return False
    return True
