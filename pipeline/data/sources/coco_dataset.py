"""`coco:FILE.json`: COCO's object annotations, as a class per pixel or as boxes.

Images are beside the file, below `images` beside it, or below the folder of its name.
For detection, `bbox` of each annotation is a box, and the classes are the categories by
their id; crowds (`iscrowd`) are ignored objects, and an image without an annotation has
no objects. For segmentation, class 0 is `background` before the categories, later
annotations are drawn over earlier ones, crowds get no label, and an image without an
annotation is background. Lin et al., Microsoft COCO: Common Objects in Context, 2014.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageDraw

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.core.regular_file import is_regular
from pipeline.data.boxes.files import Box, BoxExample, read_boxes
from pipeline.data.dense_files import DenseExample, read_examples
from pipeline.data.examples import Examples
from pipeline.data.folders import BadFileError
from pipeline.data.mask_files import MAX_CLASSES
from pipeline.data.paths import image_of, source_path
from pipeline.data.run_lengths import decode
from pipeline.data.sources.reader import ReadContext
from pipeline.tasks.registry import get
from pipeline.tasks.targets import IGNORED

BACKGROUND = "background"
MIN_POINTS = 3
Entry = Mapping[str, Any]


@dataclass(frozen=True)
class Annotation:
    """Fields of one annotation, under the names of the format.

    Args:
        place: of the annotation, for errors.
        category_id: a key of the categories.
        iscrowd: 1 for a region of many objects, which gets no label.
        segmentation: a list of polygons, or run lengths.
        bbox: left, top, width and height in pixels.
    """

    place: str
    category_id: Any
    iscrowd: Any
    segmentation: Any
    bbox: Any = None

    @classmethod
    def of(cls, entry: Entry, place: str) -> Annotation:
        """Return the fields of a JSON object; None for absent ones."""
        values = [entry.get(field.name) for field in fields(cls)[1:]]
        return cls(place, *values)


def read(context: ReadContext) -> Examples:
    """Read all images and their annotations; see `SourceReader`."""
    path = source_path(context.source, context.key)
    document = _document(path)
    names = _categories(document["categories"], path)
    if get(context.params.task).has_boxes:
        return _read_boxes(document, names, path, context)
    numbers = {identity: k for k, identity in enumerate(sorted(names), 1)}
    classes = (BACKGROUND, *(names[identity] for identity in sorted(names)))
    if len(classes) > MAX_CLASSES:
        raise UserError(f"{path}: has {len(names)} categories; 254 are possible")
    images = _images(document["images"], path, context)
    annotations = _by_image(document["annotations"], images, numbers, path, context)
    examples = (
        DenseExample(
            str(entry["file_name"]),
            image_of(path, str(entry["file_name"])),
            partial(_draw, annotations.get(identity, ()), numbers, entry),
        )
        for identity, entry in images.items()
    )
    return read_examples(examples, classes, path, context)


def _read_boxes(
    document: Mapping[str, list[Entry]],
    names: Mapping[Any, str],
    path: Path,
    context: ReadContext,
) -> Examples:
    numbers = {identity: k for k, identity in enumerate(sorted(names))}
    images = _images(document["images"], path, context)
    annotations = _by_image(document["annotations"], images, numbers, path, context)
    examples = [
        BoxExample(
            str(entry["file_name"]),
            image_of(path, str(entry["file_name"])),
            partial(_boxes, annotations.get(identity, ()), numbers),
            _stated(entry),
        )
        for identity, entry in images.items()
    ]
    classes = tuple(names[identity] for identity in sorted(names))
    return read_boxes(examples, classes, path, context)


def _stated(entry: Entry) -> tuple[int, int] | None:
    height, width = entry.get("height"), entry.get("width")
    return (height, width) if type(height) is type(width) is int else None


def _boxes(
    annotations: Sequence[Annotation],
    numbers: Mapping[Any, int],
    size: tuple[int, int],
) -> list[Box]:
    return [_box(annotation, numbers) for annotation in annotations]


def _box(entry: Annotation, numbers: Mapping[Any, int]) -> Box:
    numbers_of_box = entry.bbox if isinstance(entry.bbox, list) else []
    if len(numbers_of_box) != 4 or any(
        type(number) not in (int, float) for number in numbers_of_box
    ):
        raise BadFileError(f"{entry.place}: its bbox must be four numbers")
    left, top, width, height = map(float, numbers_of_box)
    ends = (left, top, left + width, top + height)
    return Box(entry.place, numbers[entry.category_id], ends, bool(entry.iscrowd))


def _document(path: Path) -> dict[str, list[Entry]]:
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path}: not a JSON file ({shown(str(error), 200)})") from None
    keys = ("images", "annotations", "categories")
    for key in keys:
        entries = document.get(key) if isinstance(document, dict) else None
        if not isinstance(entries, list) or not all(
            isinstance(e, dict) for e in entries
        ):
            raise UserError(
                f'{path}: must hold the lists {", ".join(keys)} of objects; "{key}" is '
                "not one"
            )
    return {key: document[key] for key in keys}


def _categories(entries: Sequence[Entry], path: Path) -> dict[Any, str]:
    names: dict[Any, str] = {}
    for number, entry in enumerate(entries):
        name, identity = entry.get("name"), entry.get("id")
        place = f"{path}: categories[{number}]"
        if not isinstance(name, str) or not name.strip():
            raise UserError(f"{place}: has no name; add one")
        if type(identity) is not int or identity in names:
            raise UserError(
                f"{place} ({shown(name)}): its id must be a number that no other has"
            )
        if name in (*names.values(), BACKGROUND):
            raise UserError(f"{place}: a second category {shown(name)}; rename it")
        names[identity] = name
    if not names:
        raise UserError(f"{path}: has no categories; one is needed")
    return names


def _images(
    entries: Sequence[Entry], path: Path, context: ReadContext
) -> dict[Any, Entry]:
    images: dict[Any, Entry] = {}
    files: set[str] = set()
    for number, entry in enumerate(entries):
        name, identity = entry.get("file_name"), entry.get("id")
        place = f"images[{number}]"
        if not isinstance(name, str) or not name:
            context.bad(place, "has no file_name", path)
        elif type(identity) not in (int, str) or identity in images or name in files:
            context.bad(f"{place} ({name})", "its id or file is there twice", path)
        elif not is_regular(image_of(path, name)):
            context.bad(f"{place} ({name})", "the file does not exist", path)
        else:
            images[identity] = entry
            files.add(name)
    return images


def _by_image(
    entries: Sequence[Entry],
    images: Mapping[Any, Entry],
    numbers: Mapping[Any, int],
    path: Path,
    context: ReadContext,
) -> dict[Any, list[Annotation]]:
    """Group the annotations by image; one that fits nowhere is a bad example."""
    grouped: dict[Any, list[Annotation]] = {}
    for number, entry in enumerate(entries):
        place, image = f"annotations[{number}]", entry.get("image_id")
        category = entry.get("category_id")
        if not isinstance(category, int | float) or category not in numbers:
            name = shown(str(category))
            context.bad(place, f"its category_id {name} is no category", path)
        elif not isinstance(image, int | str) or image not in images:
            context.bad(place, f"its image_id {shown(str(image))} is no image", path)
        else:
            grouped.setdefault(image, []).append(Annotation.of(entry, place))
    return grouped


def _draw(
    annotations: Sequence[Annotation],
    numbers: Mapping[Any, int],
    image: Entry,
    size: tuple[int, int],
) -> np.ndarray:
    """Draw the annotations of an image, `(height, width)` uint8."""
    stated = (image.get("height", size[0]), image.get("width", size[1]))
    if stated != size:
        raise BadFileError(
            f"has {size[1]} x {size[0]} pixels, and the JSON file states "
            f"{shown(stated[1])} x {shown(stated[0])}"
        )
    mask = np.zeros(size, np.uint8)
    for entry in annotations:
        value = IGNORED if entry.iscrowd else numbers[entry.category_id]
        for shape in _shapes(entry, size):
            mask[shape] = value
    return mask


def _shapes(entry: Annotation, size: tuple[int, int]) -> Iterator[np.ndarray]:
    """Yield the areas of one annotation, bool `(height, width)`."""
    shape, place = entry.segmentation, entry.place
    if isinstance(shape, dict):
        try:
            yield decode(shape, size)
        except ValueError as error:
            raise BadFileError(f"{place}: {error}") from None
    elif isinstance(shape, list) and shape:
        for polygon in shape:
            yield _polygon(polygon, size, place)
    else:
        raise BadFileError(f"{place}: has no segmentation (a box alone is no mask)")


def _polygon(polygon: Any, size: tuple[int, int], place: str) -> np.ndarray:
    points = polygon if isinstance(polygon, list) else []
    numbers = [p for p in points if type(p) in (int, float) and math.isfinite(p)]
    if len(numbers) != len(points) or len(points) % 2 or len(points) < 2 * MIN_POINTS:
        raise BadFileError(
            f"{place}: a polygon must be at least {MIN_POINTS} pairs of finite numbers"
        )
    x, y = np.array(numbers[::2]), np.array(numbers[1::2])
    if min(x.min(), y.min()) < -1 or x.max() > size[1] + 1 or y.max() > size[0] + 1:
        raise BadFileError(
            f"{place}: a polygon from ({x.min():g}, {y.min():g}) to ({x.max():g}, "
            f"{y.max():g}) is outside of the image ({size[1]} x {size[0]} pixels)"
        )
    if abs(np.dot(x, np.roll(y, 1)) - np.dot(y, np.roll(x, 1))) < 1e-9:
        raise BadFileError(f"{place}: a polygon has no area")
    image = Image.new("1", (size[1], size[0]))
    # Centers of pixels are at halves in COCO, and at whole numbers in Pillow.
    ImageDraw.Draw(image).polygon(list(zip(x - 0.5, y - 0.5)), fill=1)
    return np.asarray(image)
