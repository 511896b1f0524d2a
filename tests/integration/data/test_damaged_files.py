"""Damaged files of every format: a reader answers, or says in one sentence why not.

Mutants of small valid files are read by the functions that the data stage and `predict`
use. Run: pytest -m slow for 20,000 of them.
"""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image
from scipy.io import wavfile

from pipeline.core.errors import UserError
from pipeline.data.array_files import read_npy
from pipeline.data.delimited import open_rows
from pipeline.data.folders import BadFileError
from pipeline.data.image_files import bits_of, read_image
from pipeline.data.image_steps import DecodeImage, Resize
from pipeline.data.sources.params import ColumnParams
from pipeline.data.wav_files import rate_of, samples

FEW, MANY = 60, 20_000
LONGEST = 1000  # characters of a message
PIXELS = np.random.default_rng(1).integers(0, 256, (9, 8, 3), np.uint8)


def image(kind):
    """The bytes of a picture in a format of Pillow."""
    stream = io.BytesIO()
    Image.fromarray(PIXELS).save(stream, kind)
    return stream.getvalue()


def deep():
    """The bytes of a picture of 16 bits."""
    stream = io.BytesIO()
    Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257).save(stream, "PNG")
    return stream.getvalue()


def wav():
    """The bytes of a short clip."""
    stream = io.BytesIO()
    wavfile.write(stream, 8000, (np.sin(np.arange(200)) * 9000).astype(np.int16))
    return stream.getvalue()


def npy():
    """The bytes of an array."""
    stream = io.BytesIO()
    np.save(stream, PIXELS.astype(np.float32))
    return stream.getvalue()


def npz():
    """The bytes of an archive of two arrays."""
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.arange(80.0).reshape(40, 2), y=np.arange(40) % 2)
    return stream.getvalue()


def parquet_file():
    """The bytes of a table in Parquet."""
    pyarrow = pytest.importorskip("pyarrow")
    from pyarrow import parquet

    stream = io.BytesIO()
    columns = {"a": list(range(40)), "label": ["x", "y"] * 20}
    parquet.write_table(pyarrow.table(columns), stream)
    return stream.getvalue()


def read_picture(path, read):
    """Read a picture as both the data stage and `predict` do."""
    bits_of(path)
    decode = DecodeImage((255, 255, 255), bits=16)
    read_image(path, 1, decode, Resize(4, 4, 1, "pad"), limit=1)
    read_image(path, 3, DecodeImage((0, 0, 0)), None, limit=1)


def read_sound(path, read):
    """Read a clip."""
    rate_of(path)
    samples(path)


def read_rows(path, read):
    """Read all rows of a table."""
    file = open_rows(path, ColumnParams(), 1_000_000)
    rows = list(zip(*(row for _, row in file.rows() if len(row) == len(file.header))))
    for cells in rows:
        file.numbers(list(cells))


CSV = b"\xef\xbb\xbfa;b;label\n" + b"1,5;2;x\n-3,25;1e3;y\n" * 10
SEEDS = {
    "png": (lambda: image("PNG"), read_picture),
    "deep.png": (deep, read_picture),
    "jpg": (lambda: image("JPEG"), read_picture),
    "gif": (lambda: image("GIF"), read_picture),
    "bmp": (lambda: image("BMP"), read_picture),
    "tiff": (lambda: image("TIFF"), read_picture),
    "webp": (lambda: image("WEBP"), read_picture),
    "wav": (wav, read_sound),
    "csv": (lambda: CSV, read_rows),
    "parquet": (parquet_file, read_rows),
    "npy": (npy, lambda path, read: read_npy(path)),
    "npz": (npz, lambda path, read: read(source=f"npz:{path}")),
}


def mutants(seed, count):
    """Yield damaged copies: changed, missing, repeated and added bytes."""
    rng = np.random.default_rng(1)
    for _ in range(count):
        content = bytearray(seed)
        for _ in range(rng.integers(1, 6)):
            at, kind = int(rng.integers(0, max(1, len(content)))), rng.integers(0, 5)
            if kind == 0 and content:
                content[at] = rng.integers(0, 256)
            elif kind == 1:
                del content[at : at + int(rng.integers(1, 40))]
            elif kind == 2:
                content[at:at] = content[: int(rng.integers(1, 60))]
            elif kind == 3:
                content = content[:at]
            else:
                content[at : at + 4] = rng.bytes(4) if at % 2 else b"\xff\xff\xff\x7f"
        yield bytes(content)


def check(kind, count, read, tmp_path):
    """Read mutants of one format; anything but an answer or a sentence is a failure."""
    seed, reader = SEEDS[kind]
    path = tmp_path / f"a.{kind.rpartition('.')[2]}"
    for content in mutants(seed(), count):
        path.write_bytes(content)
        try:
            reader(path, read)
        except (UserError, BadFileError) as error:
            text = str(error)
            assert text.isprintable() and len(text) < LONGEST, text[:LONGEST]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", SEEDS)
def test_a_few_damaged_files(kind, tmp_path):
    check(kind, FEW if kind != "npz" else FEW // 5, read_in(tmp_path), tmp_path)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", SEEDS)
def test_many_damaged_files(kind, tmp_path):
    check(kind, MANY // len(SEEDS) + 1, read_in(tmp_path), tmp_path)


def read_in(tmp_path):
    """Return a reader of sources with one scratch folder that is emptied each time."""
    from pipeline.data.merge import read_sources
    from pipeline.data.params import DataParams

    scratch = tmp_path / "scratch"
    scratch.mkdir()

    def read_one(**params):
        for file in scratch.iterdir():
            file.unlink()
        read_sources(DataParams(**params), scratch, 5)

    return read_one
