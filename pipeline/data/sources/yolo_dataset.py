"""`yolo:FOLDER`: images, and a text file of boxes for each, as Ultralytics reads them.

The text file of `images/a.png` is `labels/a.txt`, at any depth (`images/train/a.png`,
`train/images/a.png`); of other images, it is beside them. Each line holds a class
number and the center, width and height of a box as fractions of the image, or the
corners of a polygon, whose box is taken. An image without a file, or with an empty one,
has no objects. Class names are those of `data.classes`, of `names` in a .yaml file, or
of classes.txt. Folders train, val and test are the source's own splits.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.core.regular_file import is_regular
from pipeline.core.wording import quantity
from pipeline.data.boxes.files import Box, BoxExample, Size, read_boxes
from pipeline.data.examples import Examples
from pipeline.data.folders import BadFileError, files_below
from pipeline.data.paths import printable_path, source_path
from pipeline.data.sources.images_dataset import SUFFIXES
from pipeline.data.sources.reader import ReadContext

IMAGES, LABELS = "images", "labels"
NAME_FILES = ("classes.txt", "obj.names")
VALIDATION = {"val", "valid", "validation", "dev"}
TEST = {"test", "testing"}
MAX_BYTES = 4_000_000  # of a text file
BOX = 5  # numbers of a line
POLYGON = 7  # minimum of a line with a polygon


def read(context: ReadContext) -> Examples:
    """Read all images and boxes; see `SourceReader`."""
    root = source_path(context.source, context.key)
    images = files_below(root, SUFFIXES)
    files = {label_of(image, root): image for image in images}
    unknown = sorted(
        {p for p in files_below(root, {".txt"}) if p.parts[-2] == LABELS} - {*files}
    )
    for path in unknown:
        place = printable_path(path.relative_to(root))
        if path.name != NAME_FILES[0]:
            context.bad(place, "is the label file of no image", root)
    if not any(map(is_regular, files)):
        raise UserError(
            f"{root}: no image has a label file, such as {IMAGES}/a.png with "
            f"{LABELS}/a.txt"
        )
    missing = sum(not is_regular(path) for path in files)
    if missing:
        context.note(
            f"{quantity(missing, 'image')} without a label file count as images "
            "without objects"
        )
    classes = _classes(root, list(files), context)
    examples = [_example(image, file, classes, root) for file, image in files.items()]
    own = (_in_folder(images, root, VALIDATION), _in_folder(images, root, TEST))
    return read_boxes(examples, classes, root, context, own)


def label_of(image: Path, root: Path) -> Path:
    """Return the label file of an image.

    Args:
        image: its file.
        root: the folder of the source.
    """
    parts = list(image.relative_to(root).with_suffix(".txt").parts)
    if IMAGES in parts[:-1]:
        last = len(parts) - 2 - parts[-2::-1].index(IMAGES)
        parts[last] = LABELS
    return root.joinpath(*parts)


def _in_folder(images: Sequence[Path], root: Path, names: set[str]) -> Any:
    """Return True for images below a folder of one of the names; None for none."""
    inside = [{p.lower() for p in i.relative_to(root).parts[:-1]} for i in images]
    mask = np.array([bool(parts & names) for parts in inside])
    return mask if mask.any() and not mask.all() else None


def _example(
    image: Path, file: Path, classes: tuple[str, ...], root: Path
) -> BoxExample:
    place = printable_path(file.relative_to(root))

    def boxes(size: Size) -> list[Box]:
        lines = _lines(file) if file.exists() else []
        numbered = ((n, line.split()) for n, line in enumerate(lines, 1))
        return [
            _box(fields, f"{place}, line {n}", classes, size)
            for n, fields in numbered
            if fields
        ]

    return BoxExample(printable_path(image.relative_to(root)), image, boxes)


def _lines(file: Path) -> list[str]:
    if not is_regular(file):
        raise BadFileError(f"{file.name} is not a regular file")
    if file.stat().st_size > MAX_BYTES:
        raise BadFileError(f"{file.name} has more than {MAX_BYTES:,} bytes")
    try:
        return file.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, ValueError) as error:
        raise BadFileError(f"{file.name}: {shown(str(error), 200)}") from None


def _box(fields: list[str], place: str, classes: tuple[str, ...], size: Size) -> Box:
    try:
        number, values = float(fields[0]), [float(text) for text in fields[1:]]
    except ValueError:
        raise BadFileError(
            f'{place}: "{shown(" ".join(fields))}" holds a text that is not a number'
        ) from None
    polygon = len(fields) >= POLYGON and len(fields) % 2
    if len(fields) != BOX and not polygon:
        raise BadFileError(
            f"{place}: has {len(fields)} numbers; a box has {BOX} (class, center x, "
            "center y, width, height)"
        )
    if number % 1 or not 0 <= number < len(classes):
        raise BadFileError(
            f"{place}: its class number is {fields[0]}; there are {len(classes)} "
            "classes, from 0"
        )
    if len(fields) == BOX:
        x, y, width, height = values
        ends = (x - width / 2, y - height / 2, x + width / 2, y + height / 2)
    else:
        across, down = values[::2], values[1::2]
        ends = (min(across), min(down), max(across), max(down))
    left, top, right, bottom = (e * size[1 - k % 2] for k, e in enumerate(ends))
    return Box(place, int(number), (left, top, right, bottom))


def _classes(
    root: Path, files: Sequence[Path], context: ReadContext
) -> tuple[str, ...]:
    """Return the class names: of the experiment, of a file, or their numbers."""
    if context.params.classes:
        return tuple(context.params.classes)
    names = _names_in_yaml(root) or _names_in_text(root)
    if names:
        return names
    return tuple(map(str, range(1 + max(map(_largest, files), default=0))))


def _names_in_yaml(root: Path) -> tuple[str, ...]:
    for path in sorted([*root.glob("*.yaml"), *root.glob("*.yml")]):
        if not is_regular(path) or path.stat().st_size > MAX_BYTES:
            continue
        try:
            content = yaml.safe_load(path.read_text(encoding="utf-8-sig"))
        except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
            raise UserError(f"{path}: {shown(str(error), 200)}") from None
        names = content.get("names") if isinstance(content, dict) else None
        if names:
            return _checked_names(names, path)
    return ()


def _checked_names(names: Any, path: Path) -> tuple[str, ...]:
    """Return names of a list, or of a mapping from 0 on."""
    if isinstance(names, dict):
        numbers = range(len(names))
        names = [names.get(n) for n in numbers] if set(names) == {*numbers} else None
    listed = names if isinstance(names, list) else []
    texts = [str(n).strip() for n in listed if isinstance(n, str | int | float)]
    if not all(texts) or len({*texts}) < len(listed) or not texts:
        raise UserError(
            f"{path}: names must be a list of different names, or a mapping of the "
            "numbers from 0 to them; each class needs one"
        )
    return tuple(texts)


def _names_in_text(root: Path) -> tuple[str, ...]:
    paths = [root / name for name in NAME_FILES]
    paths.append(root / LABELS / NAME_FILES[0])
    for path in paths:
        if is_regular(path):
            names = [line.strip() for line in path.read_text("utf-8-sig").splitlines()]
            return _checked_names([name for name in names if name], path)
    return ()


def _largest(file: Path) -> int:
    """Return the largest class number of a file; 0 for one that is refused."""
    try:
        numbers = [line.split()[0] for line in _lines(file) if line.strip()]
        return max(map(int, numbers), default=0)
    except (BadFileError, OSError, ValueError):
        return 0
