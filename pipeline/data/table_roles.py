"""Roles of the columns of a table: label, group, extra targets, inputs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import listing
from pipeline.data.delimited import RowFile
from pipeline.data.sources.reader import ReadContext


@dataclass(frozen=True)
class Roles:
    """Positions of columns in a file.

    Args:
        header: names of all columns.
        label: position of the label.
        group: position of `data.split.group`; None without.
        targets: name of an extra target -> its position.
        inputs: positions of the inputs, in the order of the file.
        categories: positions of the inputs that hold categories.
    """

    header: list[str]
    label: int
    group: int | None
    targets: dict[str, int]
    inputs: tuple[int, ...]
    categories: frozenset[int]

    @property
    def input_names(self) -> tuple[str, ...]:
        """Names of the inputs."""
        return tuple(self.header[position] for position in self.inputs)


def roles_of(file: RowFile, first: list[list[str]], context: ReadContext) -> Roles:
    """Assign a role to every column, by its name.

    Args:
        file: with a header.
        first: the first rows of the file; they show which column numbers the rows.
        context: the settings, and the receiver of notes.

    Raises:
        UserError: when a column that the settings name is missing, or one has no name.
    """
    columns, params = context.params.columns, context.params

    def position(name: str, key: str) -> int:
        return column(file, name, key, context.key)

    label = position(columns.label, "data.columns.label")
    group = params.split.group
    group_position = position(group, "data.split.group") if group else None
    targets = {n: position(n, "data.extra_targets") for n in params.extra_targets}
    ignored = {position(name, "data.columns.ignore") for name in columns.ignore}
    categories = [position(n, "data.columns.categories") for n in columns.categories]
    other = {label, group_position, *targets.values(), *ignored}
    other |= _row_numbers(file, first, other, context)
    inputs = [k for k in range(len(file.header)) if k not in other]
    if clash := [file.header[k] for k in categories if k in other]:
        raise UserError(
            f"{file.path}: data.columns.categories names {listing(clash)}, which is no "
            "input: it is the label, the group, an extra target, or ignored"
        )
    return Roles(
        file.header,
        label,
        group_position,
        targets,
        tuple(inputs),
        frozenset(categories),
    )


def column(file: RowFile, name: str, key: str, source_key: str) -> int:
    """Return the position of a column.

    Args:
        file: with a header.
        name: of the column.
        key: dotted key of the experiment file that names the column, for the error.
        source_key: dotted key of the experiment file that names the file.

    Raises:
        UserError: when the file has no such column.
    """
    advice = f"set {key}"
    if source_key != "data.source":  # the name fits the first source
        advice = f"name the columns of {source_key} as those of data.source"
    return file.position(name, advice)


def _row_numbers(
    file: RowFile, first: list[list[str]], other: set[int | None], context: ReadContext
) -> set[int]:
    """Positions of columns without a name that number the rows, or are empty.

    pandas writes such a column. In a table that is sorted by class it tells the class.
    """
    nameless = [k for k, n in enumerate(file.header) if not n and k not in other]
    for position in nameless:
        cells = [row[position] for row in first if len(row) == len(file.header)]
        if not any(cell.strip() for cell in cells):
            continue
        numbers = file.numbers(cells)
        if not np.array_equal(numbers - numbers[0], np.arange(len(numbers))):
            raise UserError(
                f"{file.path}: column {position + 1} has no name "
                f"({listing(cells, 3)}); name it in the first row of the file"
            )
        context.note(
            f"{file.path.name}: column {position + 1} has no name and numbers "
            "the rows; it is not an input"
        )
    return set(nameless)
