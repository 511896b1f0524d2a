"""Which file takes the place of training."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.engine.hashing import hash_file
from pipeline.engine.params import Params


class GivenParams(Params):
    """A trained model.

    Args:
        model: path of a .keras file.
    """

    model: str


def source_state(params: GivenParams) -> Mapping[str, str | None]:
    """The file and its hash, so that another model makes the stage stale."""
    path = Path(params.model)
    return {params.model: hash_file(path) if path.is_file() else None}
