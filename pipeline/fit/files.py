"""Models outside the experiment, named in its file: where they are, and their hash.

Imports nothing heavy: the plan asks whether they changed.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.data.paths import expand
from pipeline.engine.errors import UserError
from pipeline.engine.hashing import hash_file


def path_of(text: str, key: str) -> Path:
    """A path of the experiment file, `${NAME}` replaced by the environment.

    Args:
        key: names the parameter in errors.

    Raises:
        UserError: when the variable is not set.
    """
    return Path(expand(text, key)).expanduser()


def file_states(names: Iterable[str]) -> dict[str, str | None]:
    """Name -> a hash of the file's content; None where it is not on this machine."""
    return {name: _state(name) for name in sorted(set(names))}


def _state(name: str) -> str | None:
    try:
        path = path_of(name, name)
    except UserError:
        return None
    return hash_file(path) if path.is_file() else None
