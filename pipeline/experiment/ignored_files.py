"""The .gitignore of an experiment's folder: the file and the lock are kept in git."""

from __future__ import annotations

import os
from pathlib import Path

NAME = ".gitignore"
TEXT = """\
# The experiment file and the lock are kept; results can be computed again.
/*
!/.gitignore
!/experiment.yaml
!/experiment.lock
"""


def write_gitignore(folder: Path) -> bool:
    """Write the file; one that exists is left alone.

    Args:
        folder: existing folder of an experiment.

    Returns:
        True if it was written.
    """
    path = folder / NAME
    if os.path.lexists(path):
        return False
    path.write_text(TEXT, encoding="utf-8")
    return True
