"""Image files packed into few files: tar shards, TFRecord and Parquet.

In: packs, each of which knows the labels and the place of its images. Out: examples, as
from a folder of image files. Nothing is unpacked to the disk: an image is decoded from
the bytes at its place.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.regular_file import is_regular
from pipeline.data.decoded_files import read_files
from pipeline.data.examples import Examples
from pipeline.data.folders import LabelledFiles, files_below
from pipeline.data.image_files import Encoded, bits_of, channels_of, read_image
from pipeline.data.image_steps import DecodeImage
from pipeline.data.paths import printable_path, source_path
from pipeline.data.sources.images_dataset import resize_step
from pipeline.data.sources.reader import ReadContext, is_missing_label, label_name

# Beginning of a pack's name -> the split of the source that it belongs to.
OWN_SPLITS = {"val": "validation", "dev": "validation", "test": "test"}


class Pack(Protocol):
    """One file that holds images.

    Args:
        path: of the file.
    """

    path: Path

    def __len__(self) -> int: ...

    def name(self, number: int) -> str:
        """Return the name of an image in the file."""

    def label(self, number: int) -> str | None:
        """Return the label of an image; None where it has none."""

    def content(self, number: int) -> bytes:
        """Return the bytes of an encoded image."""


@dataclass
class OffsetPack:
    """Images at known places of a file.

    Args:
        path: of the file.
        names: of the images.
        labels: of the images; None where there is none.
        places: offset and size of each image in bytes.
    """

    path: Path
    names: list[str] = field(default_factory=list)
    labels: list[str | None] = field(default_factory=list)
    places: list[tuple[int, int]] = field(default_factory=list)

    def add(self, name: str, label: str | None, place: tuple[int, int]) -> None:
        """Add an image."""
        self.names.append(name)
        self.labels.append(label)
        self.places.append(place)

    def __len__(self) -> int:
        return len(self.names)

    def name(self, number: int) -> str:
        """Return the name of an image in the file."""
        return self.names[number]

    def label(self, number: int) -> str | None:
        """Return the label of an image."""
        return self.labels[number]

    def content(self, number: int) -> bytes:
        """Return the bytes of an encoded image."""
        offset, size = self.places[number]
        with self.path.open("rb", buffering=0) as file:
            return os.pread(file.fileno(), size, offset)


OpenPack = Callable[[Path, ReadContext], Pack]


@dataclass(frozen=True)
class PackedFiles(LabelledFiles):
    """Images of all packs, in order; `paths` are their numbers.

    Args:
        packs: the files.
        edges: number of the first image of each pack, and their count.
    """

    packs: Sequence[Pack] = ()
    edges: np.ndarray = field(default_factory=lambda: np.zeros(1, np.int64))

    def find(self, number: int) -> tuple[Pack, int]:
        """Return the pack of an image, and its number in it."""
        which = int(np.searchsorted(self.edges, number, side="right")) - 1
        return self.packs[which], number - int(self.edges[which])

    def place(self, file: int) -> str:  # type: ignore[override]
        """Return the pack and the name of an image, for errors."""
        pack, number = self.find(file)
        return f"{printable_path(Path(pack.path.name))}: {pack.name(number)}"

    def encoded(self, number: int) -> Encoded:
        """Return an image that is not decoded."""
        pack, inside = self.find(number)
        return Encoded(pack.content(inside))


def read_packs(
    context: ReadContext, suffixes: Collection[str], open_pack: OpenPack
) -> Examples:
    """Read all images of a file, or of all files below a folder.

    Files whose names begin with val, dev or test are the source's own splits.

    Args:
        context: the settings, and the receiver of bad examples.
        suffixes: of the files below a folder, in lower case.
        open_pack: finds the images of a file.

    Raises:
        UserError: when there is no image, or for a bad example.
    """
    root = source_path(context.source, context.key)
    paths = [root] if is_regular(root) else files_below(root, suffixes)
    packs = [open_pack(path, context) for path in paths]
    files = _usable(root, packs, context)
    if not files.paths:
        kinds = ", ".join(sorted(suffixes))
        raise UserError(f"{root}: holds no labelled image (in files of {kinds})")
    settings, limit = context.params.image, context.params.limits.image_megapixels
    channels = channels_of(map(files.encoded, files.paths), settings.channels)
    every = map(files.encoded, files.paths)
    deep = channels == 1 and any(bits_of(image) == 16 for image in every)
    decode = DecodeImage(tuple(settings.color), bits=16 if deep else 8)
    resize = resize_step(settings, channels)
    fields = read_files(
        files,
        lambda number: read_image(
            files.encoded(number), channels, decode, resize, limit
        ),
        context,
        np.dtype(np.uint16 if deep else np.uint8),
    )
    splits = _splits(files, fields.pop("positions"))
    return Examples(
        **fields,
        scale=1 / 255,
        steps=(decode, resize) if resize else (decode,),
        learns="pixel_range" if deep else "",
        own_validation=_mask(splits, "validation"),
        own_test=_mask(splits, "test"),
    )


def _usable(root: Path, packs: list[Pack], context: ReadContext) -> PackedFiles:
    edges = np.cumsum([0, *map(len, packs)])
    files = PackedFiles(root, [], [], None, {}, packs, edges)
    for number in range(int(edges[-1])):
        pack, inside = files.find(number)
        label = _label(pack.label(inside), context)
        if problem := _problem(label, context):
            context.bad(files.place(number), problem, root)
            continue
        files.paths.append(number)
        files.labels.append(label or "")
    return files


def _label(text: str | None, context: ReadContext) -> str | None:
    if context.unlabelled or text is None:
        return "" if context.unlabelled else None
    return label_name(text, context.params.classes)


def _problem(label: str | None, context: ReadContext) -> str:
    allowed = context.params.classes
    if context.unlabelled:
        return ""
    if not label or is_missing_label(label, allowed):
        return "has no label"
    if allowed is not None and label not in allowed:
        return context.outside(label)
    return ""


def _splits(files: PackedFiles, positions: np.ndarray) -> np.ndarray:
    """Return the split of the source that each example is in, `(n,)` of str."""
    names = [_split_of(pack.path) for pack in files.packs]
    numbers = np.array(files.paths, np.int64)[positions]
    return np.array(names)[np.searchsorted(files.edges, numbers, side="right") - 1]


def _split_of(path: Path) -> str:
    name = path.name.lower()
    begins: Iterable[str] = (s for key, s in OWN_SPLITS.items() if name.startswith(key))
    return next(iter(begins), "train")


def _mask(splits: np.ndarray, name: str) -> np.ndarray | None:
    mask = splits == name
    return mask if mask.any() and not mask.all() else None
