"""`boxes:FILE.csv`: one object per row, with its image, its class and its box.

The columns are image, class, xmin, ymin, xmax and ymax, or the names that other tools
give them (see `box_columns`), in any order; width and height state the size of the
image. Boxes are in pixels, or fractions where no number of the file is above 1. Images
are beside the file, below `images` beside it, or below the folder of its name. A row
with an image alone, without class and box, is an image without objects.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.data.boxes.columns import read_rows
from pipeline.data.boxes.files import (
    Box,
    BoxExample,
    Size,
    class_names,
    read_boxes,
    unknown_class,
)
from pipeline.data.examples import Examples
from pipeline.data.folders import BadFileError
from pipeline.data.paths import image_of, source_path
from pipeline.data.sources.reader import ReadContext, in_order

SIDES = ("left", "top", "right", "bottom")
Row = tuple[int, dict[str, str]]  # line number, and cells by meaning


@dataclass(frozen=True)
class Table:
    """All rows of a file.

    Args:
        path: of the file.
        classes: names of the classes.
        fractions: True if boxes are fractions of the image.
    """

    path: Path
    classes: tuple[str, ...]
    fractions: bool

    def example(self, name: str, rows: Sequence[Row]) -> BoxExample:
        """Return the image `name` and the objects of its rows."""
        return BoxExample(
            name,
            image_of(self.path, name),
            lambda size: [self._box(*row, size) for row in rows if _has_box(row)],
            _stated(rows),
        )

    def _box(self, line: int, cells: dict[str, str], size: Size) -> Box:
        place, name = f"line {line}", cells["class"]
        if name not in self.classes:
            raise BadFileError(f"{place}: {unknown_class(name, self.classes)}")
        ends = [_number(cells[side], place, side) for side in SIDES]
        scale = (size[1], size[0]) * 2 if self.fractions else (1, 1, 1, 1)
        left, top, right, bottom = (a * b for a, b in zip(ends, scale))
        return Box(place, self.classes.index(name), (left, top, right, bottom))


def read(context: ReadContext) -> Examples:
    """Read all images and boxes; see `SourceReader`."""
    path = source_path(context.source, context.key)
    try:
        rows = list(read_rows(path))
    except (OSError, ValueError, csv.Error) as error:
        raise UserError(f"{path}: {shown(str(error), 200)}") from None
    boxed = [row for row in rows if _has_box(row)]
    names = {cells["class"] for _, cells in boxed if cells["class"]}
    classes = class_names(in_order(names), context, path)
    table = Table(path, classes, _are_fractions(boxed))
    groups: dict[str, list[Row]] = {}
    for line, cells in rows:
        if cells["image"]:
            groups.setdefault(cells["image"], []).append((line, cells))
        else:
            context.bad(f"line {line}", "names no image", path)
    examples = (table.example(name, group) for name, group in groups.items())
    return read_boxes(_existing(examples, path, context), classes, path, context)


def _existing(
    examples: Iterator[BoxExample], path: Path, context: ReadContext
) -> Iterator[BoxExample]:
    for example in examples:
        if example.image.is_file():
            yield example
        else:
            context.bad(example.place, "the file does not exist", path)


def _has_box(row: Row) -> bool:
    return any(row[1][key] for key in ("class", *SIDES))


def _number(text: str, place: str, side: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadFileError(
            f'{place}: {side} is "{shown(text)}", not a number'
        ) from None


def _are_fractions(rows: Sequence[Row]) -> bool:
    """Return True where no number is above 1, and one is no whole number."""
    values = []
    for _, cells in rows:
        for side in SIDES:
            try:
                values.append(float(cells[side]))
            except ValueError:
                continue  # the row is refused when it is read
    return max(values, default=2.0) <= 1 and any(value % 1 for value in values)


def _stated(rows: Sequence[Row]) -> Size | None:
    """Return the size that the first row states."""
    cells = rows[0][1]
    texts = (cells.get("height", ""), cells.get("width", ""))
    if not all(text.isdigit() for text in texts):
        return None
    return int(texts[0]), int(texts[1])
