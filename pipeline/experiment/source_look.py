"""A look at a source before any stage runs: does it exist, and does a model fit it.

In: a source and the section `data`. Out: nothing, or an error. Only headers of files
are read, without a numeric library; what they do not tell is checked by the stages.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.compress.import_model.archive import input_shape
from pipeline.core.errors import UserError
from pipeline.data.paths import source_path
from pipeline.data.sources.registry import FILES, check_known
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
