"""A look at a source before any stage runs: does it exist, and does a model fit it.

In: a source and the section `data`. Out: nothing, or an error. Only headers of files
are read, without a numeric library; what they do not tell is checked by the stages.
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

from pipeline.compress.import_model.archive import input_shape
from pipeline.core.errors import UserError
from pipeline.data.paths import locate, source_path
from pipeline.data.sources.registry import (
    CLASS_FOLDERS,
    FILES,
    check_known,
    part_of,
    whole_of,
)
from pipeline.experiment.source_shapes import example_shape


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
        model: a file that `check_archive` accepts.
        params: the section `data`.

    Raises:
        UserError: names both shapes.
    """
    expected, shape = input_shape(model), example_shape(params)
    if expected is None or shape is None or None in expected or expected == shape:
        return
    remedy = "choose the data that it was trained on, with the same preprocessing"
    if len(shape) > 1 and (*shape[1:], shape[0]) == expected:
        remedy = "move the channels to the end: x = numpy.moveaxis(x, 1, -1)"
    raise UserError(
        f"{model}: takes inputs of the shape {expected}, and the examples of "
        f"{params.source} have the shape {shape}; {remedy}"
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
