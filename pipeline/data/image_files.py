"""Image files: the only reader of the format, for `images:` and `predict`."""

from __future__ import annotations

import io
import re
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np
from PIL import Image, ImageOps

from pipeline.core.quoting import shown
from pipeline.core.regular_file import is_regular
from pipeline.data.folders import BadFileError
from pipeline.data.image_steps import WHITE, DecodeImage, Resize

OBJECT = re.compile(r" <_io\.BytesIO object at \w+>")  # in messages of Pillow
MEGAPIXEL = 1_000_000
ORIENTATION = 0x0112  # EXIF
T = TypeVar("T")


@dataclass(frozen=True)
class Encoded:
    """The content of an image file that is inside another file.

    Args:
        content: in any format of Pillow.
    """

    content: bytes


ImageFile = Path | Encoded


def read_image(
    file: ImageFile,
    channels: int,
    decode: DecodeImage,
    resize: Resize | None,
    limit: float,
) -> np.ndarray:
    """Read one image, uint8 or uint16 `(height, width, channels)`.

    Args:
        file: in any format of Pillow.
        channels: 1 is grey, 3 is RGB.
        decode: background, orientation, and bits per channel; of 8 bits, files of 16
            bits are refused, and of 16 bits, files of 8 are converted to 16.
        resize: the size; None keeps that of the file.
        limit: maximum number of megapixels.

    Raises:
        BadFileError: when it is not a complete image, or a larger one.
    """
    if isinstance(file, Path) and not is_regular(file):
        raise BadFileError("is not a regular file")
    try:
        with warnings.catch_warnings(), Image.open(_source(file)) as image:
            warnings.simplefilter("ignore")  # about damaged metadata, or many pixels
            check_pixels(image, limit)
            pixels = _pixels(ImageOps.exif_transpose(image), channels, decode)
            return pixels if resize is None else resize.apply(pixels[None])[0]
    except BadFileError:
        raise
    except Exception as error:  # a decoder raises whatever its parsing meets
        lines = str(error).splitlines() or [type(error).__name__]
        reason = shown(OBJECT.sub("", lines[0].replace(f" '{file}'", "")))
        raise BadFileError(f"not a complete image ({reason})") from None


def bits_of(file: ImageFile) -> int:
    """Return the bits per channel of a file, 8 or 16, from its header."""
    return 16 if _mode(file).startswith("I") else 8


def is_grey(file: ImageFile) -> bool:
    """Return whether a file holds no colors, from its header; also if unreadable."""
    return _holds_no_colors(_mode(file))


def channels_of(files: Iterable[ImageFile], wanted: int | None) -> int:
    """Return the channels of a set of images: 1 where all of them are grey, else 3.

    Args:
        files: the images.
        wanted: `data.image.channels`, which decides unless it is None.
    """
    return wanted or (1 if all(map(is_grey, files)) else 3)


def size_of(file: Path) -> tuple[int, int, bool] | None:
    """Return height, width and whether the file is gray, from its header.

    Args:
        file: in any format of Pillow.

    Returns:
        None when it is not an image.
    """

    def look(image: Image.Image) -> tuple[int, int, bool]:
        turned = image.getexif().get(ORIENTATION, 1) >= 5  # by 90 degrees
        height, width = (image.height, image.width)[:: -1 if turned else 1]
        return height, width, _holds_no_colors(image.mode)

    return _of_header(file, look)


def orientation_of(file: Path) -> int:
    """Return the EXIF orientation of a file, 1 .. 8; 1 is upright.

    Args:
        file: in any format of Pillow.
    """
    turned = _of_header(file, lambda image: image.getexif().get(ORIENTATION, 1))
    return turned if isinstance(turned, int) and 1 <= turned <= 8 else 1


def _mode(file: ImageFile) -> str:
    """Pillow's mode, such as `RGB`; empty for a file that is no image."""
    return _of_header(file, lambda image: str(image.mode)) or ""


def _holds_no_colors(mode: str) -> bool:
    return mode in ("", "1", "L", "LA", "La") or mode.startswith("I")


def _source(file: ImageFile) -> Path | io.BytesIO:
    return io.BytesIO(file.content) if isinstance(file, Encoded) else file


def _of_header(file: ImageFile, look: Callable[[Image.Image], T]) -> T | None:
    """Look at an image that is opened, not decoded; None for what is no image."""
    if isinstance(file, Path) and not is_regular(file):
        return None
    try:
        with warnings.catch_warnings(), Image.open(_source(file)) as image:
            warnings.simplefilter("ignore")
            return look(image)
    except Exception:  # `read_image` says what is wrong with it
        return None


def check_pixels(image: Image.Image, limit: float) -> None:
    """Refuse an image of more pixels than allowed, before they are decoded.

    Args:
        image: opened, not loaded.
        limit: maximum number of megapixels.

    Raises:
        BadFileError: for a larger image.
    """
    pixels = image.width * image.height
    if pixels > limit * MEGAPIXEL:
        raise BadFileError(
            f"has {image.width} x {image.height} pixels, more than {limit:g} million; "
            "raise data.limits.image_megapixels if that is intended"
        )


def _pixels(image: Image.Image, channels: int, decode: DecodeImage) -> np.ndarray:
    if image.mode == "F":
        raise BadFileError("has floating-point pixels, whose range is unknown")
    shape = (image.height, image.width, channels)
    if image.mode.startswith("I"):
        deep = _sixteen_bits(image)
        if decode.bits == 16:
            return deep.reshape(*shape[:2], 1)
        eight = np.round(deep * (255 / WHITE[16])).astype(np.uint8)
        image = Image.fromarray(eight)
    if image.has_transparency_data:
        image = _on_background(image, decode.background)
    pixels = np.asarray(image.convert("L" if channels == 1 else "RGB")).reshape(shape)
    return pixels if decode.bits == 8 else pixels.astype(np.uint16) * np.uint16(257)


def _on_background(image: Image.Image, color: tuple[int, ...]) -> Image.Image:
    picture = image.convert("RGBA")
    background = Image.new("RGBA", picture.size, (*color, 255))
    return Image.alpha_composite(background, picture).convert("RGB")


def _sixteen_bits(image: Image.Image) -> np.ndarray:
    """Return grey pixels, uint16; Pillow's own conversion clips at 255."""
    pixels = np.asarray(image).astype(np.int64)
    low, high = pixels.min(initial=0), pixels.max(initial=0)
    if low < 0 or high > WHITE[16]:
        raise BadFileError(f"has pixels of {low} .. {high}, beyond 16 bits")
    return pixels.astype(np.uint16)
