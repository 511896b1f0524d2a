"""The shape of the examples of a source, from headers of its files.

In: the section `data`. Out: the shape of one example, or None where no header tells it.
No numeric library is imported, and nothing is decoded.
"""

from __future__ import annotations

import ast
import csv
import gzip
import io
import json
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

from pipeline.core.errors import UserError
from pipeline.data import degradation
from pipeline.data.params import DataParams
from pipeline.data.paths import locate
from pipeline.data.sources.registry import CORPORA, PAIRED, part_of, whole_of
from pipeline.tasks.registry import get

Shape = tuple[int, ...]
MAX_HEADER = 1_000_000  # bytes of a file that are read
SKLEARN_SHAPES: dict[str, Shape] = {
    "digits": (8, 8, 1),
    "breast_cancer": (30,),
    "iris": (4,),
    "wine": (13,),
    "diabetes": (10,),
}
TFDS_FOLDER = "~/tensorflow_datasets"
WAV_HEADER = 4096  # bytes in which the chunk `fmt ` begins


def example_shape(params: DataParams) -> Shape | None:
    """Return the shape of one example; None where no header tells it.

    Args:
        params: the section `data`.
    """
    shape = _source_shape(params)
    if shape is None or not get(params.task).degrades:
        return shape
    if len(shape) != 3 or params.source.partition(":")[0] in PAIRED:
        return None
    scale = degradation.scale_of(params.degradation)
    return (shape[0] // scale, shape[1] // scale, shape[2])


def _source_shape(params: DataParams) -> Shape | None:
    """Shape of an example as the source holds it."""
    kind, _, name = whole_of(params.source).partition(":")
    if params.series.label or get(params.task).labels == "series":
        return (params.series.window, len(params.series.inputs))
    if get(params.task).ranks:
        users = params.triples is None and params.interactions.input == "user"
        return (2 if params.triples else 1 if users else params.interactions.length,)
    if part_of(params.source):
        return None
    if kind == "sklearn":
        return SKLEARN_SHAPES.get(name)
    if kind == "text":
        return (params.text.length,)
    if kind in CORPORA:
        return (params.corpus.length,)
    if kind not in _LOOKS:
        return None
    try:
        folder = params.data_dir or TFDS_FOLDER if kind == "tfds" else name
        return _LOOKS[kind](locate(folder, "data.source"), params)
    except (OSError, ValueError, KeyError, SyntaxError, EOFError, TypeError):
        return None  # the data stage names the fault
    except (struct.error, zipfile.BadZipFile, UserError, IndexError):
        return None


def _npz(path: Path, params: DataParams) -> Shape | None:
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        x = "x.npy" if "x.npy" in names else "x_train.npy"
        with archive.open(x) as file:
            return _array_shape(file, params)


def _npy(path: Path, params: DataParams) -> Shape | None:
    with (path / "x.npy").open("rb") as file:
        return _array_shape(file, params)


def _array_shape(file: IO[bytes], params: DataParams) -> Shape | None:
    """Shape of an example from the header of an array `(n, ...)`."""
    magic = file.read(8)
    size = "<H" if magic[6] == 1 else "<I"
    (length,) = struct.unpack(size, file.read(struct.calcsize(size)))
    header = ast.literal_eval(file.read(min(length, MAX_HEADER)).decode("latin1"))
    shape = tuple(header["shape"])[1:]
    grey = len(shape) == 2 and params.preprocessing == "auto"
    return (*shape, 1) if grey else shape


def _csv(path: Path, params: DataParams) -> Shape | None:
    """Count the columns, where each of them is one number of the input."""
    if params.preprocessing != "none":
        return None
    names = next(csv.reader(io.StringIO(_first_line(path))))
    columns = params.columns
    others = {columns.label, *columns.ignore, params.split.group, *params.extra_targets}
    unclear = "" in names or len(set(names)) < len(names)
    if columns.label not in names or len(names) == 1 or unclear:
        return None
    return (sum(name not in others for name in names),)


def _first_line(path: Path) -> str:
    with path.open("rb") as file:
        zipped = file.read(2) == b"\x1f\x8b"
        file.seek(0)
        if zipped:
            with gzip.GzipFile(fileobj=file) as text:
                return text.readline(MAX_HEADER).decode("utf-8-sig")
        return file.readline(MAX_HEADER).decode("utf-8-sig")


def _images(path: Path, params: DataParams) -> Shape | None:
    size, channels = params.image.size, params.image.channels
    return (*size, channels) if size and channels else None


def _wav(path: Path, params: DataParams) -> Shape | None:
    """Frames and bins of a clip; the rate is that of one file unless it is set."""
    audio = params.audio
    rate = audio.rate or _wav_rate(next(path.glob("*/*.[wW][aA][vV]")))
    frame, hop = (round(rate * ms / 1000) for ms in (audio.frame_ms, audio.hop_ms))
    samples = max(round(audio.seconds * rate), frame)
    bins = audio.coefficients if audio.front_end == "mfcc" else audio.bins
    return (1 + (samples - max(1, frame)) // max(1, hop), bins, 1)


def _wav_rate(path: Path) -> int:
    with path.open("rb") as file:
        head = file.read(WAV_HEADER)
    chunk = head.index(b"fmt ")
    return int(struct.unpack_from("<I", head, chunk + 12)[0])


def _tfds(folder: Path, params: DataParams) -> Shape | None:
    """Shape of the only image of a prepared data set; other features are not read."""
    name = params.source.partition(":")[2].partition(":")[0]
    paths = sorted(folder.expanduser().joinpath(name).glob("**/features.json"))
    described = json.loads(paths[-1].read_bytes())["featuresDict"]["features"].values()
    images: list[dict[str, Any]] = [f["image"] for f in described if "image" in f]
    (image,) = images
    sides = tuple(map(int, image["shape"]["dimensions"]))
    return sides if all(side > 0 for side in sides) else None


_LOOKS: dict[str, Callable[[Path, DataParams], Shape | None]] = {
    "npz": _npz,
    "npy": _npy,
    "csv": _csv,
    "images": _images,
    "wav": _wav,
    "tfds": _tfds,
}
