"""Paths of the experiment file: what they stand for, and whether files changed.

Relative paths begin at the working directory; `${NAME}` is the environment variable.
Imports nothing heavy: the plan asks, too.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Mapping
from pathlib import Path

from pipeline.data.params import FILES, DataParams
from pipeline.core.base_path import base
from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file

VARIABLE = re.compile(r"\$\{(\w*)\}")
HASHED = 256_000_000  # bytes of a source whose content is looked at


def expand(text: str, key: str) -> str:
    """A path of the experiment file with `${NAME}` replaced by the environment.

    Raises:
        UserError: when the variable is not set.
    """

    def value(match: re.Match[str]) -> str:
        name = match.group(1)
        if not os.environ.get(name):
            raise UserError(
                f'{key} "{text}": the environment variable {name or "of no name"} is '
                f"not set; set it (export {name or 'NAME'}=FOLDER), or write the path"
            )
        return os.environ[name]

    return VARIABLE.sub(value, text)


def locate(text: str, key: str) -> Path:
    """The file or folder behind a path of the experiment file.

    Raises:
        UserError: when its variable is not set.
    """
    return base() / Path(expand(text, key)).expanduser()


def source_state(params: DataParams) -> Mapping[str, str | None]:
    """Source -> a hash that changes with its files; None where it is not here.

    Of a folder or a file of more than 256 MB, names and sizes are looked at, not the
    content. Sets that are named, not pathed, do not change.
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
