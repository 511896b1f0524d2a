"""Paths of the experiment file: how they are resolved, and whether files changed.

Relative paths begin at the working directory; `${NAME}` is an environment variable.
Imports nothing heavy, because the plan of a run uses it.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from pipeline.core.base_path import base
from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file
from pipeline.data.params import DataParams
from pipeline.data.sources.registry import FILES

VARIABLE = re.compile(r"\$\{(\w*)\}")
HASHED = 256_000_000  # bytes of a source up to which its content is hashed


def expand(text: str, key: str) -> str:
    """Replace `${NAME}` by the environment variable NAME.

    Args:
        text: a path of the experiment file.
        key: dotted key of the path, for the error.

    Raises:
        UserError: when a variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not os.environ.get(name):
            raise UserError(
                f'{key} "{text}": the environment variable {name or "without a name"} '
                f"is not set; set it (export {name or 'NAME'}=FOLDER), or write the "
                "path"
            )
        return os.environ[name]

    return VARIABLE.sub(value, text)


def locate(text: str, key: str) -> Path:
    """Resolve a path of the experiment file, which need not exist.

    Args:
        text: the path; `~` and `${NAME}` are replaced.
        key: dotted key of the path, for the error.

    Raises:
        UserError: when a variable is not set.
    """
    return base() / Path(expand(text, key)).expanduser()


def source_state(params: DataParams) -> Mapping[str, str | None]:
    """Return a hash of every source that is a path; it changes with the files.

    Of more than 256 MB, names and sizes are hashed, not contents. Named data sets do
    not change.

    Returns:
        Source -> hash; None where it does not exist.
    """
    pathed = [s for s in params.sources if s.partition(":")[0] in FILES]
    return {source: _state(source.partition(":")[2]) for source in pathed}


def _state(name: str) -> str | None:
    try:
        path = locate(name, "data.source")
    except UserError:
        return None
    sizes = {p: p.stat().st_size for p in [path, *path.rglob("*")] if p.is_file()}
    read = sum(sizes.values()) <= HASHED
    if path.is_file() and read:
        return hash_file(path)
    files = sorted(sizes)
    lines = [
        f"{p.relative_to(path).as_posix()} {hash_file(p) if read else sizes[p]}\n"
        for p in files
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest() if files else None
