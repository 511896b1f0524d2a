"""Files outside the experiment that the tune stage reads; imports nothing heavy."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.core.hashing import hash_file
from pipeline.core.regular_file import is_regular
from pipeline.tune.params import TuneParams


def warm_source(params: TuneParams) -> Mapping[str, str | None]:
    """Return the file of `warm_start` for the fingerprint.

    Args:
        params: section `tune`.

    Returns:
        Path -> hash, None for a missing file; empty without `warm_start`.
    """
    if params.warm_start is None:
        return {}
    path = Path(params.warm_start)
    return {params.warm_start: hash_file(path) if is_regular(path) else None}
