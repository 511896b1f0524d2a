"""Columns of a CSV file of boxes, by the names that tools give them.

Imports nothing heavy, because the plan of a run asks which images a file lists.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path

Row = Mapping[str, str]
# Meaning -> names in lower case without `_`, blanks and `-`, the usual one first.
COLUMNS = {
    "image": ("image", "filename", "file", "imagepath", "path", "imageid", "imagename"),
    "class": ("class", "label", "classname", "category", "labelname", "name"),
    "left": ("xmin", "x1", "left"),
    "top": ("ymin", "y1", "top"),
    "right": ("xmax", "x2", "right"),
    "bottom": ("ymax", "y2", "bottom"),
}
SIZE = {"width": ("width", "imagewidth"), "height": ("height", "imageheight")}
MAX_CELL = 10_000  # characters


def read_rows(path: Path) -> Iterator[tuple[int, dict[str, str]]]:
    """Yield line number and cells by meaning of every row; absent sizes are left out.

    Args:
        path: the file, UTF-8, separated by commas, semicolons or tabs.

    Raises:
        ValueError: names the columns that are missing.
        OSError: when it is unreadable.
        csv.Error: when it is no CSV file.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        header = file.readline(MAX_CELL)
        separator = max(",;\t", key=header.count)
        names = next(csv.reader([header], delimiter=separator), [])
        columns = _columns(names)
        reader = csv.reader(file, delimiter=separator)
        for cells in reader:
            if any(map(str.strip, cells)):
                yield reader.line_num + 1, _cells(cells, columns)


def _columns(names: list[str]) -> dict[str, int]:
    """Return meaning -> position of its column."""
    plain = ["".join(c for c in n.lower() if c not in "_- ") for n in names]
    found = {}
    for meaning, allowed in {**COLUMNS, **SIZE}.items():
        place = next((plain.index(name) for name in allowed if name in plain), None)
        if place is not None:
            found[meaning] = place
    missing = [COLUMNS[meaning][0] for meaning in COLUMNS if meaning not in found]
    if missing:
        raise ValueError(
            f"has no column {', '.join(missing)}; a file of boxes has the columns "
            "image, class, xmin, ymin, xmax and ymax"
        )
    return found


def _cells(cells: list[str], columns: Mapping[str, int]) -> dict[str, str]:
    return {
        meaning: cells[place].strip() if place < len(cells) else ""
        for meaning, place in columns.items()
    }
