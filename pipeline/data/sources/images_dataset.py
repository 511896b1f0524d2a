"""`images:FOLDER`: a folder of image files for each class, in any format of Pillow's.

Files must be of one size, or `data.image.size` resizes them.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from pipeline.data.examples import Examples
from pipeline.data.features import Resize
from pipeline.data.folders import BadFile, chosen, further, list_files, read_all
from pipeline.data.sources.reader import Intake, source_path
from pipeline.data.params import ImageParams
from pipeline.data.rows import Rows

SUFFIXES = frozenset(
    {".bmp", ".gif", ".jpeg", ".jpg", ".png", ".tif", ".tiff", ".webp"}
)
DEEP_WHITE = 65_535  # of 16 bits


def read(name: str, intake: Intake) -> Examples:
    """Read every image below the folder, uint8 `(n, height, width, channels)`."""
    root = source_path(intake.source, intake.key)
    settings = intake.params.image
    found = list_files(root, SUFFIXES, intake)
    path, kept = read_all(
        found, root, lambda file: read_image(file, settings), intake, "uint8"
    )
    y, classes = intake.class_numbers(found.labels)
    size = settings.size
    return Examples(
        x=Rows(path),
        y=y[kept],
        classes=classes,
        scale=1 / 255,
        steps=(Resize(*size, settings.channels),) if size else (),
        groups=chosen(found.groups, kept) if found.groups is not None else None,
        also=further(found, kept, intake),
        names=chosen([f.relative_to(root).as_posix() for f in found.files], kept),
    )


def read_image(file: Path, settings: ImageParams) -> np.ndarray:
    """Pixels of one file, uint8 `(height, width, channels)`.

    Raises:
        BadFile: when it is no whole image.
    """
    mode = "L" if settings.channels == 1 else "RGB"
    try:
        with Image.open(file) as image:
            plain = _eight_bits(image).convert(mode)
    except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
        reason = str(error).splitlines()[0].replace(f" '{file}'", "")
        raise BadFile(f"not a whole image ({reason})") from None
    pixels = np.asarray(plain).reshape(plain.height, plain.width, settings.channels)
    if settings.size is None:
        return pixels
    return Resize(*settings.size, settings.channels).apply(pixels[None])[0]


def _eight_bits(image: Image.Image) -> Image.Image:
    """16-bit grey as 8-bit grey; Pillow's own conversion clips at 255 instead."""
    if image.mode == "F":
        raise BadFile("has floating-point pixels, whose range is not known")
    if not image.mode.startswith("I"):
        return image
    pixels = np.asarray(image).astype(np.int64)
    if pixels.min() < 0 or pixels.max() > DEEP_WHITE:
        raise BadFile(f"has pixels of {pixels.min()} .. {pixels.max()}, not of 16 bits")
    return Image.fromarray(np.round(pixels * (255 / DEEP_WHITE)).astype(np.uint8))
