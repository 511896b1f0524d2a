"""A look at a source before any stage runs: does it exist, and does a model fit it.

In: a source and the section `data`. Out: nothing, or an error. Only headers of files
are read, without a numeric library; what they do not tell is checked by the stages.
"""

from __future__ import annotations

import ast
import csv
import gzip
import io
import struct
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.compress.import_model.archive import input_shape
from pipeline.core.errors import UserError
from pipeline.data.params import DataParams
from pipeline.data.paths import locate, source_path
from pipeline.data.sources.registry import (
    CLASS_FOLDERS,
    FILES,
    check_known,
    part_of,
    whole_of,
)

Shape = tuple[int, ...]
MAX_HEADER = 1_000_000  # bytes of a file that are read


def check_exists(source: str, option: str) -> None:
    """Refuse a source whose file, folder or name does not exist.

    Args:
        source: `kind:name`, of a known kind.
        option: of the command line that names the source, for the error.

    Raises:
        UserError: names the path, and the folder that it begins at.
    """
    check_known(source, option)
    if source.partition(":")[0] in FILES:
        source_path(source, option)


def check_shapes(model: Path, params: Any) -> None:
    """Refuse a model whose input has another shape than the examples of a source.

    Args:
        model: a .keras file.
        params: the section `data`.

    Raises:
        UserError: names both shapes.
    """
    expected, shape = input_shape(model), example_shape(params)
    if expected is None or shape is None or None in expected or expected == shape:
        return
    raise UserError(
        f"{model}: takes inputs of the shape {expected}, and the examples of "
        f"{params.source} have the shape {shape}; choose the data that the model was "
        "trained on, with the same preprocessing"
    )


def has_labels(source: str) -> bool:
    """Return whether a source has labels; True where no header tells it.

    Args:
        source: `kind:name`.
    """
    kind, _, name = whole_of(source).partition(":")
    try:
        path = locate(name, "data.source")
        if kind == "npz":
            with zipfile.ZipFile(path) as archive:
                return _has_label_array(archive.namelist(), part_of(source))
        if kind == "npy":
            return _has_label_array([file.name for file in path.iterdir()], "")
        if kind in CLASS_FOLDERS:
            entries = [p for p in path.iterdir() if not p.name.startswith(".")]
            return any(p.is_dir() for p in entries) or not entries
    except (OSError, ValueError, UserError, zipfile.BadZipFile):
        pass  # the data stage names the fault
    return True


def _has_label_array(files: list[str], part: str) -> bool:
    """Whether there is another array than those of examples."""
    names = {file.removesuffix(".npy") for file in files if file.endswith(".npy")}
    examples = {name for name in names if name == "x" or name.startswith("x_")}
    return "," in part or bool(names - examples) or not examples


def example_shape(params: DataParams) -> Shape | None:
    """Return the shape of one example; None where no header tells it.

    Args:
        params: the section `data`.
    """
    kind, _, name = whole_of(params.source).partition(":")
    look: Callable[[Path, DataParams], Shape | None] | None
    look = {"npz": _npz, "csv": _csv, "images": _images}.get(kind)
    try:
        if part_of(params.source):
            return None
        return look(locate(name, "data.source"), params) if look else None
    except (OSError, ValueError, KeyError, SyntaxError, EOFError, struct.error):
        return None  # the data stage names the fault
    except zipfile.BadZipFile:
        return None


def _npz(path: Path, params: DataParams) -> Shape | None:
    with zipfile.ZipFile(path) as archive, archive.open("x.npy") as file:
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
