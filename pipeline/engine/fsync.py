"""Force files and folders to disk, so that a power failure cannot undo a rename."""

from __future__ import annotations

import os
from pathlib import Path

from pipeline.core.errors import naming


def sync(path: Path) -> None:
    """Force one file or folder to disk.

    Args:
        path: an existing file, or a folder, whose list of names is forced to disk.
    """
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW)
    try:
        with naming(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Force a folder and everything below it to disk; links are not followed.

    Args:
        folder: an existing folder.
    """
    for path in sorted(folder.rglob("*")):
        if not path.is_symlink():
            sync(path)
    sync(folder)
