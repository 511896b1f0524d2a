"""Which file takes the place of training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipeline.core.hashing import hash_file
from pipeline.core.params import Params


class GivenParams(Params):
    """A trained model.

    Args:
        model: path of a .keras file.
    """

    model: str


def source_state(params: Mapping[str, Any]) -> Mapping[str, str | None]:
    """The file and its hash, so that another model makes the stage stale."""
    model = params["train"].model
    path = Path(model)
    return {model: hash_file(path) if path.is_file() else None}
