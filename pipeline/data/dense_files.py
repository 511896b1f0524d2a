"""Images and their masks or clean images from files: `masks:`, `coco:` and `pairs:`.

An image keeps its size, or `data.image.size` resizes it and its target alike. EXIF
orientation turns the image before its target is compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.features import Step
from pipeline.data.folders import BadFileError, check_shape, group_of
from pipeline.data.image_files import channels_of, read_image
from pipeline.data.image_steps import DecodeImage, Resize
from pipeline.data.mask_files import resize_mask
from pipeline.data.sources.images_dataset import resize_step
from pipeline.data.sources.reader import ReadContext
from pipeline.data.stored import Stored, Writer

T = TypeVar("T")


@dataclass(frozen=True)
class DenseExample:
    """One image and its mask.

    Args:
        place: of the example, for errors.
        image: the image file.
        mask: size (height, width) of the image -> class numbers of that size, uint8;
            it raises `BadFileError`.
    """

    place: str
    image: Path
    mask: Callable[[tuple[int, int]], np.ndarray]


def read_examples(
    examples: Iterable[DenseExample],
    classes: tuple[str, ...],
    root: Path,
    context: ReadContext,
) -> Examples:
    """Read every image and mask into scratch files; bad ones are an error or left out.

    Args:
        examples: in the order in which they are read.
        classes: names of the classes.
        root: the file or folder of the source, for errors.
        context: the settings, and the receiver of bad examples.

    Raises:
        UserError: when nothing could be read, or for a bad example.
    """
    params = context.params
    examples = list(examples)
    channels = channels_of([e.image for e in examples], params.image.channels)
    resize = resize_step(params.image, channels)
    decode = DecodeImage(tuple(params.image.color))
    read = _Reader(channels, decode, resize, context).read
    steps = (decode, resize) if resize else (decode,)
    named = ((e.place, e.image, e) for e in examples)
    return stored(named, read, classes, steps, root, context)


def stored(
    examples: Iterable[tuple[str, Path, T]],
    read: Callable[[T], tuple[np.ndarray, np.ndarray]],
    classes: tuple[str, ...],
    steps: tuple[Step, ...],
    root: Path,
    context: ReadContext,
) -> Examples:
    """Store images and targets in scratch files; bad ones are an error or left out.

    Args:
        examples: place for errors, file that names the group, and what `read` takes.
        read: returns an image and its target, uint8; it raises `BadFileError`.
        classes: names of the classes.
        steps: from a file to a stored image.
        root: the file or folder of the source, for errors.
        context: the settings, and the receiver of bad examples.

    Raises:
        UserError: when nothing could be read, or for a bad example.
    """
    images, masks, kept = _copy(examples, read, root, context)
    group = context.params.split.group
    return Examples(
        x=images,
        y=np.zeros(len(kept), np.int64),
        classes=classes,
        scale=1 / 255,
        steps=steps,
        names=np.array([place for place, _ in kept]),
        groups=np.array([group for _, group in kept]) if group else None,
        maps=masks,
    )


@dataclass(frozen=True)
class _Reader:
    """Reads an image with its mask.

    Args:
        channels: 1 or 3.
        decode: of images.
        resize: of both; None keeps their size.
        context: the settings, and the receiver of bad examples.
    """

    channels: int
    decode: DecodeImage
    resize: Resize | None
    context: ReadContext

    def read(self, example: DenseExample) -> tuple[np.ndarray, np.ndarray]:
        """Return image and mask; raises `BadFileError`."""
        limit = self.context.params.limits.image_megapixels
        image = read_image(example.image, self.channels, self.decode, None, limit)
        mask = example.mask((image.shape[0], image.shape[1]))
        if self.resize is None:
            return image, mask
        return self.resize.apply(image[None])[0], resize_mask(mask, self.resize)


def _copy(
    examples: Iterable[tuple[str, Path, T]],
    read: Callable[[T], tuple[np.ndarray, np.ndarray]],
    root: Path,
    context: ReadContext,
) -> tuple[Stored, Stored, list[tuple[str, str]]]:
    """Return the scratch files, and place and group of the examples that they hold."""
    writers: tuple[Writer, Writer] | None = None
    kept: list[tuple[str, str]] = []
    for place, file, example in examples:
        try:
            image, mask = read(example)
            group = group_of(file, context.params)
            if writers is None:
                images = context.writer(image.shape, np.uint8)
                writers = images, context.writer(mask.shape, np.uint8)
            check_shape(image, writers[0])
            check_shape(mask, writers[1])
        except BadFileError as error:
            context.bad(place, str(error), root)
            continue
        for writer, array in zip(writers, (image, mask)):
            writer.append(array[None])
        kept.append((place, group))
    if writers is None:
        raise UserError(f"{root}: no image with its target could be read")
    for writer in writers:
        writer.close()
    return writers[0].rows(), writers[1].rows(), kept
