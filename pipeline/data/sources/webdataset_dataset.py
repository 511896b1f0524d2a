"""`webdataset:PATH`: tar shards of images and labels, as WebDataset writes them.

The path is a .tar file, or a folder of them. Files of one sample have one name up to
the first dot: `0001.jpg` is its image, and `0001.cls` (a class, as text) or `0001.json`
(with `label` or the name of `data.columns.label`) its label. Files whose names begin
with val, dev or test are the source's own splits.
"""

from __future__ import annotations

import json
import tarfile
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from pipeline.core.decoding import decoding
from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.packed import OffsetPack, Pack, read_packs
from pipeline.data.sources.images_dataset import SUFFIXES
from pipeline.data.sources.reader import ReadContext

LABEL, FACTS = "cls", "json"
MAX_LABEL = 1_000_000  # bytes of a file with a label
IMAGES = frozenset(suffix.removeprefix(".") for suffix in SUFFIXES)

Member = tuple[str, str, int, int]  # key, extension, offset and size in bytes


def read(context: ReadContext) -> Examples:
    """Read the images of all shards; see `SourceReader`."""
    return read_packs(context, {".tar"}, open_tar)


def open_tar(path: Path, context: ReadContext) -> Pack:
    """Find images and labels in a tar file.

    Args:
        path: of the file.
        context: names the label in a .json file.

    Raises:
        UserError: when it is no tar file, or a compressed one.
    """
    with path.open("rb") as file:
        if file.read(2) == b"\x1f\x8b":
            raise UserError(
                f"{path}: is compressed, so that images cannot be found by their "
                "place; decompress it: gunzip"
            )
    pack = OffsetPack(path)
    with decoding(path, "a readable tar file"), path.open("rb") as file:
        for key, members in groupby(_members(path), key=lambda member: member[0]):
            label: str | None = None
            image: Member | None = None
            for member in members:
                if member[1] in IMAGES:
                    image = member
                elif member[1] in (LABEL, FACTS) and member[3] <= MAX_LABEL:
                    file.seek(member[2])
                    content = file.read(member[3]).decode("utf-8")
                    label = _label(content, member[1], context)
            if image is not None:
                pack.add(f"{key}.{image[1]}", label, image[2:])
    return pack


def _members(path: Path) -> Iterator[Member]:
    with tarfile.open(path, "r:") as archive:
        for info in archive:
            archive.members = []  # type: ignore[attr-defined]  # it keeps every one
            folder, _, name = info.name.rpartition("/")
            stem, _, extension = name.partition(".")
            if info.isreg() and stem:
                key = f"{folder}/{stem}" if folder else stem
                yield key, extension.lower(), info.offset_data, info.size


def _label(content: str, kind: str, context: ReadContext) -> str | None:
    if kind == LABEL:
        return content
    facts = json.loads(content)
    value = facts.get(context.params.columns.label) if isinstance(facts, dict) else None
    return None if value is None else str(value)
