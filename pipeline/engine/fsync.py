"""Force files and folders to disk, so that a power failure cannot undo a rename."""

from __future__ import annotations

import os
from pathlib import Path


def sync(path: Path) -> None:
    """Force one file or folder to disk.

    Args:
        path: an existing file, or a folder, whose list of names is forced to disk.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(folder: Path) -> None:
    """Force a folder and everything below it to disk.

    Args:
        folder: an existing folder.
    """
    for path in sorted(folder.rglob("*")):
        sync(path)
    sync(folder)
