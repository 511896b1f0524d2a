"""Content hashes of files, folders and plain values (SHA-256, hexadecimal)."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from pipeline.core.json_io import canonical

SHORT = 8


def hash_file(path: Path) -> str:
    """The hash of a file's bytes, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def hash_value(value: Any) -> str:
    """The hash of a JSON value, whatever the order of its keys."""
    return hashlib.sha256(canonical(value).encode()).hexdigest()


def hash_folder(
    folder: Path, leave_out: frozenset[str] = frozenset()
) -> dict[str, str]:
    """Relative path -> hash of every file below `folder` but those left out."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path.relative_to(folder).as_posix(): path for path in files}
    return {n: hash_file(path) for n, path in names.items() if n not in leave_out}
