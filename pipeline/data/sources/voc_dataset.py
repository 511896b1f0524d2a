"""`voc:FOLDER`: images, and an XML file of boxes for each, as Pascal VOC has them.

XML files are in `Annotations`, images in `JPEGImages` or `images`; or all of them are
in one folder. Pixels are counted from 1, and both ends of a box belong to it. Objects
marked as difficult are neither learned nor counted. An XML file without an object is
an image without objects. `ImageSets/Main/val.txt` and `test.txt` list the source's own
splits. Everingham et al., The Pascal Visual Object Classes Challenge, 2010.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.core.regular_file import is_regular
from pipeline.data.boxes.files import (
    Box,
    BoxExample,
    Size,
    class_names,
    read_boxes,
    unknown_class,
)
from pipeline.data.examples import Examples
from pipeline.data.folders import BadFileError, files_below
from pipeline.data.paths import printable_path, source_path
from pipeline.data.sources.images_dataset import SUFFIXES
from pipeline.data.sources.reader import ReadContext, in_order

ANNOTATIONS = "Annotations"
IMAGE_FOLDERS = ("JPEGImages", "images", "Images", ".")
LISTS = Path("ImageSets", "Main")
MAX_BYTES = 4_000_000  # of an XML file
FIRST = 1  # number of the first pixel
SIDES = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True)
class Annotation:
    """One parsed XML file.

    Args:
        place: of the file, for errors.
        stem: name of the file without extension.
        image: the image file.
        tree: root of the parsed file.
    """

    place: str
    stem: str
    image: Path
    tree: Any

    @property
    def names(self) -> list[str]:
        """Class names of the objects; empty for an object without one."""
        return [_text(entry, "name") for entry in self.tree.iter("object")]

    @property
    def stated(self) -> Size | None:
        """Size that the file states; None where it states none."""
        texts = [_text(self.tree, f"size/{side}") for side in ("height", "width")]
        sides = [int(text) for text in texts if text.isdigit() and int(text)]
        return (sides[0], sides[1]) if len(sides) == 2 else None

    def boxes(self, classes: tuple[str, ...], size: Size) -> list[Box]:
        """Return the objects; raises `BadFileError`."""
        entries = enumerate(self.tree.iter("object"), 1)
        return [self._box(entry, number, classes) for number, entry in entries]

    def _box(self, entry: Any, number: int, classes: tuple[str, ...]) -> Box:
        name, place = _text(entry, "name"), f"{self.place}, object {number}"
        if name not in classes:
            reason = unknown_class(name, classes) if name else "it has no name"
            raise BadFileError(f"{place}: {reason}")
        texts = [_text(entry, f"bndbox/{side}") for side in SIDES]
        try:
            left, top, right, bottom = map(float, texts)
        except ValueError:
            raise BadFileError(
                f'{place}: its box is "{shown(", ".join(texts))}"; '
                f"{', '.join(SIDES)} must be numbers"
            ) from None
        difficult = _text(entry, "difficult") == "1"
        ends = (left - FIRST, top - FIRST, right, bottom)
        return Box(place, classes.index(name), ends, difficult)


def read(context: ReadContext) -> Examples:
    """Read all images and boxes; see `SourceReader`."""
    root = source_path(context.source, context.key)
    folder = root / ANNOTATIONS if (root / ANNOTATIONS).is_dir() else root
    files = files_below(folder, {".xml"})
    if not files:
        raise UserError(f"{folder}: holds no .xml file")
    annotations = list(_annotations(files, folder, root, context))
    names = {name for a in annotations for name in a.names if name}
    classes = class_names(in_order(names), context, root)
    examples = [
        BoxExample(a.place, a.image, partial(a.boxes, classes), a.stated)
        for a in annotations
    ]
    stems = [annotation.stem for annotation in annotations]
    own = (_listed(root, "val", stems), _listed(root, "test", stems))
    return read_boxes(examples, classes, root, context, own)


def _annotations(
    files: Sequence[Path], folder: Path, root: Path, context: ReadContext
) -> Iterator[Annotation]:
    for file in files:
        place = printable_path(file.relative_to(root))
        try:
            tree = _parsed(file)
            image = _image(file, folder, root, _text(tree, "filename"))
            yield Annotation(place, file.stem, image, tree)
        except BadFileError as error:
            context.bad(place, str(error), root)


def _parsed(file: Path) -> Any:
    if not is_regular(file) or file.stat().st_size > MAX_BYTES:
        raise BadFileError(f"is no regular file of at most {MAX_BYTES:,} bytes")
    content = file.read_bytes()
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise BadFileError("declares a document type, which no annotation needs")
    try:
        return ElementTree.fromstring(content)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise BadFileError(f"not an XML file ({shown(str(error), 200)})") from None


def _image(file: Path, folder: Path, root: Path, name: str) -> Path:
    """Return the image that an XML file names, or that has its name."""
    below = file.relative_to(folder).parent
    folders = [root / parent / below for parent in IMAGE_FOLDERS]
    names = [Path(name).name, *(file.stem + suffix for suffix in sorted(SUFFIXES))]
    for path in (parent / name for name in names if name for parent in folders):
        if is_regular(path):
            return path
    raise BadFileError(f'its image "{shown(name or file.stem)}" does not exist')


def _listed(root: Path, name: str, stems: Sequence[str]) -> np.ndarray | None:
    """Return True for the examples of a list of ImageSets; None without the list."""
    path = root / LISTS / f"{name}.txt"
    if not is_regular(path) or path.stat().st_size > MAX_BYTES:
        return None
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    listed = {line.split()[0] for line in lines if line.strip()}
    mask = np.array([stem in listed for stem in stems])
    return mask if mask.any() and not mask.all() else None


def _text(entry: Any, path: str) -> str:
    return (entry.findtext(path) or "").strip()
