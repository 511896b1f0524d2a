"""Preprocessing of images: how a file is decoded, its size, and its range of values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from PIL import Image

WHITE = {8: 255, 12: 4095, 16: 65_535}  # bits -> largest value
USED = 4  # a range of a quarter of the possible values is taken for all of them
Size = tuple[int, int]  # height, width


@dataclass(frozen=True)
class DecodeImage:
    """How an image file becomes an array; arrays are left unchanged.

    Args:
        background: color behind transparent pixels, `(red, green, blue)` in 0 .. 255.
        orientation: `exif`: the picture is turned as its EXIF entry says.
        bits: bits per channel of the array, 8 or 16.
    """

    background: tuple[int, ...]
    orientation: str = "exif"
    bits: int = 8

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Return images unchanged; files are decoded by `read_image`."""
        return images


@dataclass(frozen=True)
class Resize:
    """Resize images, bilinear (Pillow), uint8 or uint16.

    Args:
        height: of the result, in pixels.
        width: of the result, in pixels.
        channels: 1 is gray, 3 is RGB.
        fit: `stretch` changes the proportions, `pad` adds borders of the color
            `border`, `crop` cuts the longer side; default None: `stretch`.
        border: value of the borders in 0 .. 255, one per channel; None without.
    """

    height: int
    width: int
    channels: int
    fit: str | None = None
    border: tuple[int, ...] | None = None

    @property
    def facts(self) -> dict[str, Any]:
        """Facts for spec.json that a reimplementation needs."""
        mode = "grey" if self.channels == 1 else "RGB"
        return {"filter": "bilinear", "takes": f"uint8 {mode} of 0 .. 255"}

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Resize images of one size, `(n, h, w, channels)` uint8 or uint16."""
        if images.shape[1:] == (self.height, self.width, self.channels):
            return images
        if not len(images) or 0 in images.shape:
            raise ValueError(f"no pixels in {images.shape}")
        resized = [self._fit(pixels) for pixels in images]
        return np.stack(resized).reshape(-1, self.height, self.width, self.channels)

    def _fit(self, pixels: np.ndarray) -> np.ndarray:
        height, width = pixels.shape[:2]
        if self.fit == "crop":
            top, left, (rows, columns) = _centre(
                (height, width), self._largest((height, width))
            )
            cut = pixels[top : top + rows, left : left + columns]
            return self._scaled(cut, (self.height, self.width))
        if self.fit != "pad":
            return self._scaled(pixels, (self.height, self.width))
        scale = min(self.height / height, self.width / width)
        size = max(1, round(height * scale)), max(1, round(width * scale))
        return self._padded(self._scaled(pixels, size))

    def _largest(self, size: Size) -> Size:
        """Size of the largest cut that has the proportions of the result."""
        scale = min(size[0] / self.height, size[1] / self.width)
        return max(1, round(self.height * scale)), max(1, round(self.width * scale))

    def _padded(self, pixels: np.ndarray) -> np.ndarray:
        whole = np.empty((self.height, self.width, self.channels), pixels.dtype)
        border = np.array(self.border or (0,) * self.channels, np.int64)
        whole[:] = border * 257 if pixels.dtype == np.uint16 else border
        top, left, (rows, columns) = _centre(whole.shape[:2], pixels.shape[:2])
        whole[top : top + rows, left : left + columns] = pixels
        return whole

    def _scaled(self, pixels: np.ndarray, size: Size) -> np.ndarray:
        """Return pixels of a size, `(*size, channels)`."""
        bilinear, turned = Image.Resampling.BILINEAR, (size[1], size[0])
        if pixels.dtype == np.uint16:  # Pillow resizes 16 bits as floating point only
            grey = Image.fromarray(pixels[..., 0].astype(np.float32))
            values = np.asarray(grey.resize(turned, bilinear))
            return np.round(values).clip(0, WHITE[16]).astype(np.uint16)[..., None]
        mode = "L" if self.channels == 1 else "RGB"
        squeezed = pixels[..., 0] if pixels.shape[-1] == 1 else pixels
        image = Image.fromarray(squeezed).convert(mode).resize(turned, bilinear)
        return np.asarray(image).reshape(*size, self.channels)


@dataclass(frozen=True)
class PixelRange:
    """Convert pixels of 16 bits to 8: `low` becomes 0 and `high` 255.

    Args:
        low: value that becomes black.
        high: value that becomes white.
    """

    low: int
    high: int

    def apply(self, images: np.ndarray) -> np.ndarray:
        """Turn images, `(n, h, w, 1)` uint16, into uint8."""
        scaled = (images.astype(np.float64) - self.low) * (255 / (self.high - self.low))
        return np.round(scaled).clip(0, 255).astype(np.uint8)


def learn_pixel_range(low: int, high: int) -> PixelRange:
    """Return the range of 12 or 16 bits if much of it is used, else the used one.

    Args:
        low: smallest value of the training split.
        high: largest value of the training split.
    """
    white = WHITE[12] if high <= WHITE[12] else WHITE[16]
    if (high - low) * USED >= white:
        return PixelRange(0, white)
    return PixelRange(low, max(high, low + 1))


def _centre(outer: tuple[int, ...], inner: tuple[int, ...]) -> tuple[int, int, Size]:
    """Return where a picture begins in the middle of another one, and its size."""
    rows, columns = min(inner[0], outer[0]), min(inner[1], outer[1])
    return (outer[0] - rows) // 2, (outer[1] - columns) // 2, (rows, columns)
