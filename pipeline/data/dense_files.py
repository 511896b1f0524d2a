"""Images and their masks from files: shared by `masks:` and `coco:`.

An image keeps its size, or `data.image.size` resizes it and its mask alike. EXIF
orientation turns the image before its mask is compared with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.folders import BadFileError
from pipeline.data.image_files import channels_of, read_image
from pipeline.data.image_steps import DecodeImage
from pipeline.data.mask_files import resize_mask
from pipeline.data.rows import Rows, RowWriter
from pipeline.data.sources.images_dataset import resize_step
from pipeline.data.sources.reader import ReadContext, file_name_field


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
    writers: tuple[RowWriter, RowWriter] | None = None
    places: list[str] = []
    groups: list[str] = []
    for example in examples:
        try:
            image, mask = _read(example, channels, decode, context)
            group = _group(example.image, context)
        except BadFileError as error:
            context.bad(example.place, str(error), root)
            continue
        if resize is not None:
            image, mask = resize.apply(image[None])[0], resize_mask(mask, resize)
        if writers is None:
            images = context.writer(image.shape, np.uint8)
            writers = images, context.writer(mask.shape, np.uint8)
        if image.shape != writers[0].shape:
            reason = f"has shape {image.shape}, the files before it {writers[0].shape}"
            context.bad(example.place, f"{reason}; set data.image.size to resize", root)
            continue
        for writer, array in zip(writers, (image, mask)):
            writer.append(array[None])
        places.append(example.place)
        groups.append(group)
    if writers is None:
        raise UserError(f"{root}: no image with a mask could be read")
    for writer in writers:
        writer.close()
    return Examples(
        x=Rows(writers[0].path),
        y=np.zeros(len(places), np.int64),
        classes=classes,
        scale=1 / 255,
        steps=(decode, resize) if resize else (decode,),
        names=np.array(places),
        groups=np.array(groups) if params.split.group else None,
        maps=Rows(writers[1].path),
    )


def _read(
    example: DenseExample, channels: int, decode: DecodeImage, context: ReadContext
) -> tuple[np.ndarray, np.ndarray]:
    limit = context.params.limits.image_megapixels
    image = read_image(example.image, channels, decode, None, limit)
    return image, example.mask((image.shape[0], image.shape[1]))


def _group(image: Path, context: ReadContext) -> str:
    """Return the group that a file name holds; empty without `data.split.group`."""
    group = context.params.split.group
    if group is None:
        return ""
    text = file_name_field(context.params.file_name, image.stem, group)
    if not text:
        pattern = context.params.file_name or "not set"
        raise BadFileError(f'its name has no "{group}" by data.file_name ({pattern})')
    return text
