"""Files whose reading ends: not pipes, not devices, not what the system makes up."""

from __future__ import annotations

import stat
from functools import lru_cache
from pathlib import Path

# Files below these folders are made by the system while they are read.
SYSTEM_FOLDERS = (Path("/proc"), Path("/sys"), Path("/dev"))


@lru_cache(maxsize=4096)  # a folder of many files is looked up once
def is_of_system(folder: Path) -> bool:
    """Return whether a folder is one of `SYSTEM_FOLDERS`, or below one.

    Args:
        folder: any path; links on the way to it are followed.
    """
    place = folder.resolve()
    return any(place.is_relative_to(system) for system in SYSTEM_FOLDERS)


def is_regular(path: Path) -> bool:
    """Return whether reading a path ends: a file on a disk, or a link to one.

    Args:
        path: any path; it need not exist.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            return False
        file = path.resolve() if path.is_symlink() else path
        return not is_of_system(file.parent)
    except (OSError, ValueError, RuntimeError):
        return False
