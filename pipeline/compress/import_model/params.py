"""Parameters of the train stage that imports a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.params import Params, unhashed
from pipeline.core.regular_file import is_regular
from pipeline.engine.hash_cache import content_hash


class ImportParams(Params):
    """The model that replaces training.

    Args:
        model: path of a .keras file.
        anyway: compress a model that seems to be misread, or to have learned nothing.
    """

    model: str
    anyway: bool = unhashed(False)


def source_state(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    """Hash the model file, so that another model makes the stage stale.

    Args:
        params: stage -> its parameters; `train` is an ImportParams.

    Returns:
        Path of the file -> its hash, or None if it does not exist.
    """
    model = params["train"].model
    path = Path(model)
    return {model: content_hash(path) if is_regular(path) else None}
