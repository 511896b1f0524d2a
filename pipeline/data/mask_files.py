"""Mask files: PNG images whose pixels are class numbers or colors.

In: a file, the size of its image, and `data.masks`. Out: class numbers, `(height,
width)` uint8, `IGNORED` where a pixel has no label.
"""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from pipeline.core.quoting import shown
from pipeline.core.regular_file import is_regular
from pipeline.core.wording import quantity
from pipeline.data.folders import BadFileError
from pipeline.data.image_files import check_pixels
from pipeline.data.image_steps import Resize
from pipeline.tasks.targets import IGNORED

INDEX_MODES = ("1", "L", "P", "I", "I;16", "I;16B", "I;16L")
COLOR_MODES = ("P", "RGB", "RGBA")
MAX_CLASSES = 255


@dataclass(frozen=True)
class ResizeMask(Resize):
    """Resize masks as `Resize` does images, but to the nearest pixel."""

    def _scaled(self, pixels: np.ndarray, size: tuple[int, int]) -> np.ndarray:
        image = Image.fromarray(pixels[..., 0])
        resized = image.resize((size[1], size[0]), Image.Resampling.NEAREST)
        return np.asarray(resized)[..., None]


def resize_mask(mask: np.ndarray, resize: Resize) -> np.ndarray:
    """Resize a mask as its image is resized; borders get no label.

    Args:
        mask: class numbers, `(height, width)` uint8.
        resize: the step of the image.
    """
    step = ResizeMask(resize.height, resize.width, 1, resize.fit, (IGNORED,))
    return step.apply(mask[None, ..., None])[0, ..., 0]


@dataclass(frozen=True)
class MaskReader:
    """Read mask files of one notation.

    Args:
        numbers: value of a pixel -> class number; a color is 65536 * red + 256 * green
            + blue. Other values are an error.
        colors: True if pixels are colors, False if they are class numbers.
        limit: maximum number of megapixels.
    """

    numbers: Mapping[int, int]
    colors: bool
    limit: float

    def read(self, file: Path, size: tuple[int, int]) -> np.ndarray:
        """Read one mask, `(height, width)` uint8.

        Args:
            file: a PNG file, or another lossless one.
            size: height and width of its image.

        Raises:
            BadFileError: when it is unreadable, of another size, or holds a value of
                no class.
        """
        values = self._values(file)
        if values.shape != size:
            raise BadFileError(
                f"the mask has {values.shape[1]} x {values.shape[0]} pixels, its image "
                f"{size[1]} x {size[0]}"
            )
        present, index = np.unique(values, return_inverse=True)
        unknown = [value for value in present.tolist() if value not in self.numbers]
        if unknown:
            raise BadFileError(
                self._unknown(unknown[0], int((values == unknown[0]).sum()))
            )
        table = np.array([self.numbers[value] for value in present.tolist()], np.uint8)
        return table[index].reshape(size)

    def _values(self, file: Path) -> np.ndarray:
        if not is_regular(file):
            raise BadFileError("is not a regular file")
        try:
            with warnings.catch_warnings(), Image.open(file) as image:
                warnings.simplefilter("ignore")
                check_pixels(image, self.limit)
                return self._pixels(ImageOps.exif_transpose(image))
        except BadFileError:
            raise
        except Exception as error:  # a decoder raises whatever its parsing meets
            lines = str(error).splitlines() or [type(error).__name__]
            raise BadFileError(f"not a complete image ({shown(lines[0])})") from None

    def _pixels(self, image: Image.Image) -> np.ndarray:
        if not self.colors:
            if image.mode not in INDEX_MODES:
                raise BadFileError(
                    f"the mask has colors (mode {image.mode}); name the color of each "
                    "class in data.masks.colors"
                )
            return np.asarray(image).astype(np.int64)
        if image.mode not in COLOR_MODES:
            raise BadFileError(
                f"the mask has no colors (mode {image.mode}); remove data.masks.colors"
            )
        if (
            image.has_transparency_data
            and image.convert("RGBA").getextrema()[3][0] < 255
        ):
            raise BadFileError("the mask has transparent pixels, which have no class")
        red, green, blue = np.moveaxis(
            np.asarray(image.convert("RGB"), np.int64), -1, 0
        )
        return (red * 256 + green) * 256 + blue

    def _unknown(self, value: int, count: int) -> str:
        pixels = quantity(count, "pixel")
        if self.colors:
            return (
                f"the mask holds the color #{value:06x} ({pixels}), which is not in "
                "data.masks.colors"
            )
        classes = len({*self.numbers.values()} - {IGNORED})
        return (
            f"the mask holds the class number {value} ({pixels}); there are {classes} "
            "classes, from 0 (data.classes); data.masks.ignore is the number without "
            "a label"
        )
