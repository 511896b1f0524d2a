"""Labels, groups and extra targets of the rows of a table."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np

from pipeline.core.quoting import shown
from pipeline.data.delimited import RowFile
from pipeline.data.sources.reader import ReadContext, is_missing_label, label_name
from pipeline.data.table_roles import Roles


@dataclass
class LabelTable:
    """The usable rows of a file.

    Args:
        file: it.
        roles: of its columns.
        labels: text of the label of each row; empty where numbers are predicted.
        numbers: labels that are numbers, one array per block.
        groups: text of the group of each row; empty without `data.split.group`.
        targets: name of an extra target -> its arrays, one per block.
        positions: numbers of the rows in the file, one array per block.
    """

    file: RowFile
    roles: Roles
    labels: list[str] = field(default_factory=list)
    numbers: list[np.ndarray] = field(default_factory=list)
    groups: list[str] = field(default_factory=list)
    targets: dict[str, list[np.ndarray]] = field(default_factory=dict)
    positions: list[np.ndarray] = field(default_factory=list)

    def fields(self, context: ReadContext) -> dict[str, Any]:
        """Return the fields of `Examples` that do not depend on the inputs.

        Args:
            context: the settings.

        Raises:
            UserError: when the labels are evidently measured numbers.
        """
        y, classes = self._y(context)
        groups = np.array(self.groups, str) if self.roles.group is not None else None
        targets = {name: np.concatenate(part) for name, part in self.targets.items()}
        return {
            "y": y,
            "classes": classes,
            "groups": groups,
            "extra_targets": targets,
            "names": np.concatenate(self.positions),
        }

    def _y(self, context: ReadContext) -> tuple[np.ndarray, tuple[str, ...]]:
        """Return class numbers and classes, or numbers to predict and no classes."""
        if context.wants_numbers:
            return np.concatenate(self.numbers), ()
        return context.class_numbers(self.labels)


class BlockLabels:
    """Labels, groups and extra targets of a block of rows.

    Args:
        table: receives those of the usable rows.
        rows: fields of all rows.
        context: the settings.
    """

    def __init__(self, table: LabelTable, rows: list[list[str]], context: ReadContext):
        self.table, self.context, roles = table, context, table.roles
        self.texts = [row[roles.label] for row in rows]
        self.groups = [] if roles.group is None else [row[roles.group] for row in rows]
        self.cells = {
            name: [row[position] for row in rows]
            for name, position in roles.targets.items()
        }
        self.numbers = table.file.numbers(self.texts if context.wants_numbers else [])
        self.values = {
            name: self._values(name, cells) for name, cells in self.cells.items()
        }

    def _values(self, name: str, cells: list[str]) -> np.ndarray:
        if self.context.params.extra_targets[name] == "number":
            return self.table.file.numbers(cells)
        return np.array([cell.strip() for cell in cells], str)

    def problems(self) -> list[str]:
        """Return per row why its label or an extra target cannot be used."""
        reasons = {text: self._bad_label(text) for text in set(self.texts)}
        labels = [reasons[text] for text in self.texts]
        if self.context.wants_numbers:
            for row in np.flatnonzero(np.isnan(self.numbers)):
                text = shown(repr(self.texts[row]))
                labels[row] = labels[row] or f"its label is {text}, not a number"
        if not self.values:
            return labels
        return [label or self._bad_target(row) for row, label in enumerate(labels)]

    def _bad_label(self, text: str) -> str:
        allowed = self.context.params.classes
        if not text.strip():
            return "has no label"
        if self.context.wants_numbers:
            return ""
        if is_missing_label(text, allowed):
            return (
                f"its label is {shown(repr(text))}: a missing value (a class of this "
                "name must be in data.classes)"
            )
        if allowed is not None and label_name(text, allowed) not in allowed:
            return self.context.outside(text)
        return ""

    def _bad_target(self, position: int) -> str:
        for name, values in self.values.items():
            value, text = values[position], self.cells[name][position]
            if not text.strip() or (values.dtype.kind == "f" and np.isnan(value)):
                kind = self.context.params.extra_targets[name]
                return f'column "{shown(name)}" is {shown(repr(text))}, not a {kind}'
        return ""

    def add(self, kept: list[int]) -> None:
        """Append the rows at some positions to the table."""
        table = self.table
        if self.context.wants_numbers:
            table.numbers.append(self.numbers[kept])
        else:
            allowed, mark = self.context.params.classes, table.file.decimal
            name = {text: label_name(text, allowed, mark) for text in set(self.texts)}
            table.labels += [name[self.texts[k]] for k in kept]
        table.groups += [self.groups[k] for k in kept] if self.groups else []
        for target, values in self.values.items():
            table.targets[target].append(values[kept])
