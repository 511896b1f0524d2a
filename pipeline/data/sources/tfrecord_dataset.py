"""`tfrecord:PATH`: TFRecord files of `tf.train.Example` with an encoded image.

The path is one file, or a folder of files .tfrecord or .tfrecords. The image is the
feature `image/encoded` or `image`, the label `data.columns.label`, `image/class/text`
or `image/class/label`, a text or a whole number. Files whose names begin with val, dev
or test are the source's own splits.

Records are read without TensorFlow; their checksums are not compared.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.packed import OffsetPack, Pack, read_packs
from pipeline.data.sources.reader import ReadContext

IMAGE = ("image/encoded", "image")
LABEL = ("image/class/text", "image/class/label", "class")
HEAD = struct.Struct("<QI")  # length of a record, and its checksum
CHECKSUM = 4  # bytes after a record
# Wire types of protocol buffers.
VARINT, EIGHT, TEXT, FOUR = 0, 1, 2, 5

Span = tuple[int, int]  # begin and end in bytes


def read(context: ReadContext) -> Examples:
    """Read the images of all files; see `SourceReader`."""
    return read_packs(context, {".tfrecord", ".tfrecords"}, open_records)


def open_records(path: Path, context: ReadContext) -> Pack:
    """Find images and labels in a TFRecord file.

    Args:
        path: of the file.
        context: names the label.

    Raises:
        UserError: when it is no TFRecord file of examples with an image.
    """
    pack, labels = OffsetPack(path), (context.params.columns.label, *LABEL)
    if not path.stat().st_size:
        raise UserError(f"{path}: is empty")
    with path.open("rb") as file:
        content = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with content:
        try:
            for number, record in enumerate(_records(content)):
                features = dict(_features(content, record))
                image = next((features[n] for n in IMAGE if n in features), None)
                if image is None:
                    raise ValueError(f"it has {', '.join(sorted(features)) or 'none'}")
                name = next((n for n in labels if n in features), None)
                label = _text(content, features[name]) if name else None
                begin, end = _first(content, image)
                pack.add(f"record {number}", label, (begin, end - begin))
        except (ValueError, IndexError, struct.error, UnicodeDecodeError) as error:
            raise UserError(
                f"{path}: record {len(pack)}: not a tf.train.Example with the feature "
                f"{' or '.join(IMAGE)} ({error}); write it uncompressed"
            ) from None
    return pack


def _records(content: mmap.mmap) -> Iterator[Span]:
    place = 0
    while place < len(content):
        length, _ = HEAD.unpack_from(content, place)
        begin = place + HEAD.size
        place = begin + length + CHECKSUM
        if place > len(content):
            raise ValueError("the file ends before the record does")
        yield begin, begin + length


def _features(content: mmap.mmap, record: Span) -> Iterator[tuple[str, Span]]:
    """Yield name and `tf.train.Feature` of each feature of an example."""
    for _, features in _fields(content, record):
        for _, entry in _fields(content, features):
            (_, name), (_, value) = _fields(content, entry)
            yield content[name[0] : name[1]].decode("utf-8"), value


def _first(content: mmap.mmap, feature: Span) -> Span:
    """Return the first value of a feature of texts or whole numbers."""
    _, values = next(_fields(content, feature))
    return next(_fields(content, values))[1]


def _text(content: mmap.mmap, feature: Span) -> str:
    """Return the first value of a feature as text.

    A feature is field 1, a list of bytes, or field 3, of whole numbers.
    """
    kind, _ = next(_fields(content, feature))
    begin, end = _first(content, feature)
    if kind == 1:
        return content[begin:end].decode("utf-8")
    return str(_varint(content, begin)[0])


def _fields(content: mmap.mmap, span: Span) -> Iterator[tuple[int, Span]]:
    """Yield number and content of the fields of a message."""
    place, end = span
    while place < end:
        key, place = _varint(content, place)
        kind, begin = key & 7, place
        if kind == TEXT:
            length, begin = _varint(content, place)
            place = begin + length
        elif kind == VARINT:
            _, place = _varint(content, place)
        elif kind in (EIGHT, FOUR):
            place += 8 if kind == EIGHT else 4
        else:
            raise ValueError(f"unknown wire type {kind}")
        if place > end:
            raise ValueError("a field ends after its message")
        yield key >> 3, (begin, place)


def _varint(content: mmap.mmap, place: int) -> tuple[int, int]:
    """Return a number of 7 bits per byte, and the place after it."""
    value = shift = 0
    while True:
        byte = content[place]
        value |= (byte & 0x7F) << shift
        place, shift = place + 1, shift + 7
        if byte < 0x80:
            return value, place
        if shift > 63:
            raise ValueError("a number is too long")
