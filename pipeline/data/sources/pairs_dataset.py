"""`pairs:FOLDER`: the folders `degraded` and `clean`, with files of equal names.

A clean image has the height and width of its degraded one, or both times 2, 3 or 4, the
same factor in all pairs. `data.image.size` resizes clean images to that size, and
degraded ones to it divided by the factor. A file without the other is a bad example.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.dense_files import stored
from pipeline.data.examples import Examples
from pipeline.data.folders import BadFileError, files_by_stem
from pipeline.data.image_files import channels_of, read_image, size_of
from pipeline.data.image_steps import DecodeImage, Resize
from pipeline.data.paths import printable_path, source_path
from pipeline.data.sources.images_dataset import SUFFIXES, resize_step
from pipeline.data.sources.reader import ReadContext

BOTH = DEGRADED, CLEAN = "degraded", "clean"
SCALES = (1, 2, 3, 4)
Pair = tuple[Path, Path]


def read(context: ReadContext) -> Examples:
    """Read all pairs; see `SourceReader`."""
    root = source_path(context.source, context.key)
    pairs = list(_pairs(root, context))
    settings = context.params.image
    files = [file for pair in pairs for file in pair]
    channels = channels_of(files, settings.channels)
    reader = _Reader(
        _scale(pairs),
        channels,
        DecodeImage(tuple(settings.color)),
        resize_step(settings, channels),
        context.params.limits.image_megapixels,
    )
    reader.check_size(context.key)
    examples = ((printable_path(p[0].relative_to(root)), p[0], p) for p in pairs)
    return stored(examples, reader.read, (), reader.steps, root, context)


def _pairs(root: Path, context: ReadContext) -> Iterator[Pair]:
    """Yield a degraded image and its clean one, in alphabetical order."""
    degraded, clean = (
        files_by_stem(root, DEGRADED, BOTH, SUFFIXES),
        files_by_stem(root, CLEAN, BOTH, SUFFIXES),
    )
    for stem in sorted({*degraded, *clean}):
        first, second = degraded.get(stem, []), clean.get(stem, [])
        place = printable_path((first or second)[0].relative_to(root))
        several = next((files for files in (first, second) if len(files) > 1), None)
        if several:
            names = " and ".join(path.name for path in several)
            context.bad(place, f"{names} have the same name", root)
        elif not second:
            context.bad(place, f"has no clean image {CLEAN}/{stem}.*", root)
        elif not first:
            context.bad(place, f"has no degraded image {DEGRADED}/{stem}.*", root)
        else:
            yield first[0], second[0]


def _scale(pairs: list[Pair]) -> int:
    """Return the factor of the first pair whose sizes fit; 1 without any."""
    for pair in pairs:
        sizes = [size_of(file) for file in pair]
        if None not in sizes:
            first, second = (size[:2] for size in sizes if size is not None)
            for scale in SCALES:
                if second == (first[0] * scale, first[1] * scale):
                    return scale
    return 1


class _Reader:
    """Reads a degraded image with its clean one.

    Args:
        scale: height of a clean image divided by that of a degraded one.
        channels: 1 or 3.
        decode: of both.
        resize: of clean images; None keeps all sizes.
        limit: maximum number of megapixels.
    """

    def __init__(
        self,
        scale: int,
        channels: int,
        decode: DecodeImage,
        resize: Resize | None,
        limit: float,
    ):
        self.scale, self.channels, self.limit = scale, channels, limit
        self.decode, self.large = decode, resize
        self.small = resize and replace(
            resize, height=resize.height // scale, width=resize.width // scale
        )

    @property
    def steps(self) -> tuple[DecodeImage | Resize, ...]:
        """Steps from a degraded file to a stored image."""
        return (self.decode, self.small) if self.small else (self.decode,)

    def check_size(self, key: str) -> None:
        """Refuse a size of `data.image` that the scale does not divide."""
        if self.large and (
            self.large.height % self.scale or self.large.width % self.scale
        ):
            raise UserError(
                f"{key}: clean images are {self.scale} times as large as degraded "
                f"ones, which does not divide data.image.size [{self.large.height}, "
                f"{self.large.width}]; set it to multiples of {self.scale}"
            )

    def read(self, pair: Pair) -> tuple[np.ndarray, np.ndarray]:
        """Return both images; raises `BadFileError`."""
        first, second = (
            read_image(file, self.channels, self.decode, None, self.limit)
            for file in pair
        )
        expected = (first.shape[0] * self.scale, first.shape[1] * self.scale)
        if second.shape[:2] != expected:
            raise BadFileError(
                f"has {first.shape[1]} x {first.shape[0]} pixels, and its clean image "
                f"{second.shape[1]} x {second.shape[0]} in the place of {expected[1]} "
                f"x {expected[0]}: all pairs need the same factor, from 1 to "
                f"{SCALES[-1]}"
            )
        if self.small is None or self.large is None:
            return first, second
        return self.small.apply(first[None])[0], self.large.apply(second[None])[0]
