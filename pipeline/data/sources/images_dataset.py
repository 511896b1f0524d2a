"""`images:FOLDER`: one folder of image files per class, in any format of Pillow.

Files must be of one size, or `data.image.size` resizes them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.data.examples import Examples
from pipeline.data.features import Resize
from pipeline.data.folders import BadFileError, list_files, read_files
from pipeline.data.params import ImageParams
from pipeline.data.sources.reader import ReadContext, source_path

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
WHITE_16_BITS = 65_535


def read(context: ReadContext) -> Examples:
    """Read all images of a folder, uint8 `(n, height, width, channels)`.

    See `SourceReader`.
    """
    root = source_path(context.source, context.key)
    settings = context.params.image
    files = list_files(root, SUFFIXES, context)
    fields = read_files(
        files, lambda file: read_image(file, settings), context, np.dtype(np.uint8)
    )
    size = settings.size
    steps = (Resize(size[0], size[1], settings.channels),) if size else ()
    return Examples(**fields, scale=1 / 255, steps=steps)


def read_image(file: Path, settings: ImageParams) -> np.ndarray:
    """Read one image, uint8 `(height, width, channels)`.

    Args:
        file: in any format of Pillow; 16-bit grey becomes 8-bit grey.
        settings: the size, if any, and the number of channels.

    Raises:
        BadFileError: when it is not a complete image.
    """
    mode = "L" if settings.channels == 1 else "RGB"
    try:
        with Image.open(file) as image:
            converted = _eight_bits(image).convert(mode)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = str(error).splitlines()[0].replace(f" '{file}'", "")
        raise BadFileError(f"not a complete image ({reason})") from None
    shape = (converted.height, converted.width, settings.channels)
    pixels = np.asarray(converted).reshape(shape)
    if settings.size is None:
        return pixels
    height, width = settings.size
    return Resize(height, width, settings.channels).apply(pixels[None])[0]


def _eight_bits(image: Image.Image) -> Image.Image:
    """Convert 16-bit grey to 8-bit grey; Pillow's own conversion clips at 255."""
    if image.mode == "F":
        raise BadFileError("has floating-point pixels, whose range is unknown")
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image).astype(np.int64)
    if pixels.min() < 0 or pixels.max() > WHITE_16_BITS:
        raise BadFileError(
            f"has pixels of {pixels.min()} .. {pixels.max()}, beyond 16 bits"
        )
    scaled = np.round(pixels * (255 / WHITE_16_BITS)).astype(np.uint8)
    return Image.fromarray(scaled)
