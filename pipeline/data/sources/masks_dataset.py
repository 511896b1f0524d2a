"""`masks:FOLDER`: the folders `images` and `masks`, with one PNG mask per image.

A mask has the name of its image with the extension .png. Its pixels are class numbers,
in the order of `data.classes` (0 is the first), or the colors of `data.masks.colors`.
An image and a mask without the other are bad examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.core.errors import UserError
from pipeline.data.dense_files import DenseExample, read_examples
from pipeline.data.examples import Examples
from pipeline.data.folders import files_by_stem
from pipeline.data.image_files import check_pixels
from pipeline.data.mask_files import MAX_CLASSES, MaskReader
from pipeline.data.params import DataParams
from pipeline.data.paths import printable_path, source_path
from pipeline.data.sources.images_dataset import SUFFIXES
from pipeline.data.sources.reader import ReadContext
from pipeline.tasks.targets import IGNORED

BOTH = IMAGES, MASKS = "images", "masks"


def read(context: ReadContext) -> Examples:
    """Read all images and masks; see `SourceReader`."""
    root = source_path(context.source, context.key)
    pairs = list(_pairs(root, context))
    classes = _classes([mask for _, mask in pairs], context)
    reader = _reader(classes, context.params)
    examples = (
        DenseExample(
            printable_path(image.relative_to(root)),
            image,
            lambda size, mask=mask: reader.read(mask, size),  # type: ignore[misc]
        )
        for image, mask in pairs
    )
    return read_examples(examples, classes, root, context)


def _pairs(root: Path, context: ReadContext) -> Iterator[tuple[Path, Path]]:
    """Yield an image and its mask, in alphabetical order."""
    images, masks = (
        files_by_stem(root, IMAGES, BOTH, SUFFIXES),
        files_by_stem(root, MASKS, BOTH, {".png"}),
    )
    for stem in sorted({*images, *masks}):
        image, mask = images.get(stem, []), masks.get(stem, [])
        place = printable_path((image or mask)[0].relative_to(root))
        if len(image) > 1:
            names = " and ".join(path.name for path in image)
            context.bad(place, f"{names} have the same mask", root)
        elif not mask:
            context.bad(place, f"has no mask {MASKS}/{stem}.png", root)
        elif not image:
            context.bad(place, f"is the mask of no image in {IMAGES}", root)
        else:
            yield image[0], mask[0]


def _classes(masks: Sequence[Path], context: ReadContext) -> tuple[str, ...]:
    """Return the class names: of the experiment, or a number per value that occurs."""
    params = context.params
    if params.masks.colors is not None:
        return tuple(params.masks.colors)
    if params.classes is not None:
        return tuple(params.classes)
    ignored = params.masks.ignore
    limit = params.limits.image_megapixels
    largest = max((_largest(mask, ignored, limit) for mask in masks), default=0)
    if largest + 1 > MAX_CLASSES:
        raise UserError(
            f'{context.key} "{context.source}": its masks hold class numbers up to '
            f"{largest}, and at most {MAX_CLASSES} classes are possible; name them in "
            "data.classes, or the colors in data.masks.colors"
        )
    return tuple(map(str, range(max(largest, 1) + 1)))


def _largest(mask: Path, ignored: int | str | None, limit: float) -> int:
    """Return the largest class number of a mask; 0 for one that the reader refuses."""
    try:
        with Image.open(mask) as image:
            check_pixels(image, limit)
            values = np.asarray(image)
    except Exception:
        return 0
    if values.ndim != 2 or not np.issubdtype(values.dtype, np.integer):
        return int(values.any()) if values.ndim == 2 else 0
    return int(values[values != ignored].max(initial=0))


def _reader(classes: tuple[str, ...], params: DataParams) -> MaskReader:
    colors, ignore = params.masks.colors, params.masks.ignore
    numbers = {number: number for number in range(len(classes))}
    if colors is not None:
        numbers = {_value(color): n for n, color in enumerate(colors.values())}
        ignore = _value(ignore) if isinstance(ignore, str) else None
    if isinstance(ignore, int):
        numbers = {ignore: IGNORED, **numbers} if ignore not in numbers else numbers
    return MaskReader(numbers, colors is not None, params.limits.image_megapixels)


def _value(color: str) -> int:
    return int(color[1:], 16)
