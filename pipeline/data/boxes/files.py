"""Images and boxes of their objects from files: shared by all sources of boxes.

Boxes are in pixels of their image, and are stored as `pipeline.tasks.boxes` notes them.
An image keeps its size, or `data.image.size` resizes it and its boxes alike. EXIF
orientation turns the image; where the annotation states the size of the stored picture
before it is turned, its boxes turn with it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.data.examples import Examples
from pipeline.data.folders import BadFileError, check_shape, group_of
from pipeline.data.image_files import channels_of, orientation_of, read_image
from pipeline.data.image_steps import DecodeImage, Resize
from pipeline.data.sources.images_dataset import resize_step
from pipeline.data.sources.reader import ReadContext
from pipeline.data.stored import Stored, Writer
from pipeline.tasks.boxes import FIELDS, ignored, stacked

Size = tuple[int, int]  # height, width
SLACK = 0.01  # of a side, by which a box may lie outside of its image and is clipped
MIN_SLACK = 1.0  # pixels
FIRST_TURNED = 5  # EXIF orientations from here on exchange height and width


@dataclass(frozen=True)
class Box:
    """One annotated object.

    Args:
        place: of the entry in its file, for errors.
        number: class number from 0.
        ends: left, top, right and bottom in pixels.
        ignored: True for an object that is neither learned nor counted.
    """

    place: str
    number: int
    ends: tuple[float, float, float, float]
    ignored: bool = False


@dataclass(frozen=True)
class BoxExample:
    """One image and its objects.

    Args:
        place: of the example, for errors.
        image: the image file.
        boxes: size of the upright image -> its objects; it raises `BadFileError`.
        stated: size that the annotation states; None where it states none.
    """

    place: str
    image: Path
    boxes: Callable[[Size], Sequence[Box]]
    stated: Size | None = None


def read_boxes(
    examples: Iterable[BoxExample],
    classes: tuple[str, ...],
    root: Path,
    context: ReadContext,
    own: tuple[np.ndarray | None, np.ndarray | None] = (None, None),
) -> Examples:
    """Read every image and its boxes; bad ones are an error or left out.

    Args:
        examples: in the order in which they are read.
        classes: names of the classes.
        root: the file or folder of the source, for errors.
        context: the settings, and the receiver of bad examples.
        own: True for the source's own validation and test examples; default none.

    Raises:
        UserError: when nothing could be read, or for a bad example.
    """
    params, examples = context.params, list(examples)
    channels = channels_of([e.image for e in examples], params.image.channels)
    resize = resize_step(params.image, channels)
    decode = DecodeImage(tuple(params.image.color))
    reader = _Reader(channels, decode, resize, context)
    images, boxes, groups, kept = _copy(examples, reader, root)
    validation, test = (None if mask is None else mask[kept] for mask in own)
    return Examples(
        x=images,
        y=np.zeros(len(kept), np.int64),
        classes=classes,
        scale=1 / 255,
        steps=(decode, resize) if resize else (decode,),
        names=np.array([examples[k].place for k in kept]),
        groups=np.array(groups) if params.split.group else None,
        own_validation=validation,
        own_test=test,
        maps=stacked(boxes),
    )


@dataclass(frozen=True)
class _Reader:
    """Reads an image with its boxes.

    Args:
        channels: 1 or 3.
        decode: of images.
        resize: of images; None keeps their size.
        context: the settings, and the receiver of bad examples.
    """

    channels: int
    decode: DecodeImage
    resize: Resize | None
    context: ReadContext

    def read(self, example: BoxExample) -> tuple[np.ndarray, np.ndarray]:
        """Return image and boxes, `(boxes, 5)`; raises `BadFileError`."""
        limit = self.context.params.limits.image_megapixels
        image = read_image(example.image, self.channels, self.decode, None, limit)
        size = (image.shape[0], image.shape[1])
        stored, turned = _frame(example, size)
        rows = _rows(example.boxes(stored), stored, turned)
        if self.resize is None:
            return image, rows
        return self.resize.apply(image[None])[0], resized(rows, size, self.resize)


def _frame(example: BoxExample, size: Size) -> tuple[Size, int]:
    """Return the size that boxes refer to, and how they turn to the upright image."""
    turned = orientation_of(example.image)
    if example.stated in (None, size):
        return size, 1
    if turned >= FIRST_TURNED and example.stated == size[::-1]:
        return size[::-1], turned
    raise BadFileError(_disagreement(size, example.stated))


def _disagreement(size: Size, stated: Size | None) -> str:
    assert stated is not None
    return (
        f"has {size[1]} x {size[0]} pixels, and its annotation states {stated[1]} x "
        f"{stated[0]}"
    )


def _copy(
    examples: Sequence[BoxExample], reader: _Reader, root: Path
) -> tuple[Stored, list[np.ndarray], list[str], np.ndarray]:
    """Return the scratch file of images, their boxes, groups and positions."""
    writer: Writer | None = None
    boxes, groups, kept = [], [], []
    for position, example in enumerate(examples):
        try:
            image, rows = reader.read(example)
            group = group_of(example.image, reader.context.params)
            writer = writer or reader.context.writer(image.shape, np.uint8)
            check_shape(image, writer)
        except BadFileError as error:
            reader.context.bad(example.place, str(error), root)
            continue
        writer.append(image[None])
        boxes.append(rows)
        groups.append(group)
        kept.append(position)
    if writer is None:
        raise UserError(f"{root}: no image with boxes could be read")
    writer.close()
    return writer.rows(), boxes, groups, np.array(kept)


def checked(box: Box, size: Size) -> tuple[float, float, float, float]:
    """Return left, top, right and bottom of a box, clipped to its image.

    Args:
        box: in pixels.
        size: height and width of its image.

    Raises:
        BadFileError: for a box that is not finite, without area, or outside of the
            image by more than a pixel and 1 % of a side.
    """
    left, top, right, bottom = box.ends
    if not all(map(math.isfinite, box.ends)):
        raise BadFileError(f"{box.place}: the box holds a number that is not finite")
    text = f"the box from ({left:g}, {top:g}) to ({right:g}, {bottom:g})"
    if right <= left or bottom <= top:
        raise BadFileError(f"{box.place}: {text} has no area")
    across, down = (max(MIN_SLACK, SLACK * side) for side in (size[1], size[0]))
    outside = min(left + across, top + down) < 0
    if outside or right > size[1] + across or bottom > size[0] + down:
        raise BadFileError(
            f"{box.place}: {text} is outside of the image ({size[1]} x {size[0]} "
            "pixels)"
        )
    ends = np.clip(box.ends, 0, [size[1], size[0]] * 2).tolist()
    if ends[2] <= ends[0] or ends[3] <= ends[1]:
        raise BadFileError(f"{box.place}: {text} is outside of the image")
    return tuple(ends)


def _rows(boxes: Sequence[Box], stored: Size, turned: int) -> np.ndarray:
    """Return boxes as fractions of the upright image, `(boxes, 5)` float32."""
    rows = np.zeros((len(boxes), FIELDS), np.float32)
    for row, box in zip(rows, boxes):
        left, top, right, bottom = checked(box, stored)
        x, y = np.array([left, right]) / stored[1], np.array([top, bottom]) / stored[0]
        x, y = upright(x, y, turned)
        row[0] = ignored(box.number) if box.ignored else box.number
        row[1:] = (x.min(), y.min(), x.max(), y.max())
    return rows


def upright(x: np.ndarray, y: np.ndarray, turned: int) -> tuple[np.ndarray, np.ndarray]:
    """Move points of a stored picture as EXIF orientation turns it.

    Args:
        x: fractions of the width.
        y: fractions of the height.
        turned: EXIF orientation, 1 (upright) or 5 .. 8, which exchange both sides.
    """
    if turned < FIRST_TURNED:
        return x, y
    across = 1 - y if turned in (6, 7) else y
    down = 1 - x if turned in (7, 8) else x
    return across, down


def resized(rows: np.ndarray, size: Size, resize: Resize) -> np.ndarray:
    """Move boxes as their image is resized; objects that are cut off are left out.

    Args:
        rows: `(boxes, 5)`, fractions of the image.
        size: height and width of the image.
        resize: the step of the image.
    """
    if resize.fit not in ("pad", "crop"):
        return rows
    new = np.array([resize.width, resize.height], float)
    old = np.array([size[1], size[0]], float)
    scale = (new / old).min() if resize.fit == "pad" else (new / old).max()
    factor = old * scale / new
    moved = rows.copy()
    for ends in (slice(1, 3), slice(3, 5)):
        moved[:, ends] = ((rows[:, ends] - 0.5) * factor + 0.5).clip(0, 1)
    visible = (moved[:, 3] > moved[:, 1]) & (moved[:, 4] > moved[:, 2])
    return moved[visible]


def class_names(
    names: Sequence[str], context: ReadContext, container: Path
) -> tuple[str, ...]:
    """Return the class names: of the experiment, or of the source.

    Args:
        names: of the source.
        context: the settings.
        container: of the source, for the error.

    Raises:
        UserError: without any class.
    """
    classes = tuple(context.params.classes or names)
    if not classes:
        raise UserError(f"{container}: has no object, so no class; one is needed")
    return classes


def unknown_class(name: str, classes: Sequence[str]) -> str:
    """Return the reason why an object of another class is refused."""
    return f'its class "{shown(name)}" is not one of {", ".join(map(shown, classes))}'
