"""Content hashes of files, folders and JSON values: SHA-256 in hexadecimal."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError, naming
from pipeline.core.json_io import canonical
from pipeline.core.regular_file import is_regular

SHORT = 8  # digits of a hash that is shown to a user


def hash_file(path: Path) -> str:
    """Hash the bytes of a file, without reading it into memory at once.

    Args:
        path: an existing file.

    Returns:
        64 hexadecimal digits.

    Raises:
        UserError: when reading it would not end, as that of a pipe.
        OSError: with the path, when it cannot be read.
    """
    if path.exists() and not is_regular(path):
        raise UserError(f"{path}: must be a regular file on a disk")
    with naming(path), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_value(value: Any) -> str:
    """Hash a JSON value, independent of the order of its keys.

    Args:
        value: anything that `json.dumps` accepts.

    Returns:
        64 hexadecimal digits.

    Raises:
        ValueError: for NaN or infinity.
    """
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def hash_folder(
    folder: Path,
    leave_out: frozenset[str] = frozenset(),
    hash_one: Callable[[Path], str] = hash_file,
) -> dict[str, str]:
    """Hash every file below a folder.

    Args:
        folder: an existing folder.
        leave_out: paths relative to `folder`, with slashes, of files to skip.
        hash_one: hashes a file; default `hash_file`.

    Returns:
        Relative path -> hash of the file, sorted by path.
    """
    files = sorted(filter(is_regular, folder.rglob("*")))
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {
        name: hash_one(path) for name, path in names.items() if name not in leave_out
    }
