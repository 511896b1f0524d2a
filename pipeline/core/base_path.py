"""The folder that relative paths of an experiment start from.

Data sets, trained models and custom builders may be named by relative paths. They
start from the working directory, except during `reproduce`: it runs the experiment in
a temporary folder, and the recorded paths must still lead to the same files.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "PIPELINE_BASE"  # an environment variable, so that stages inherit it


def base() -> Path:
    """Return the folder that relative paths start from.

    Returns:
        The folder of `based_on`; an empty path stands for the working directory.
    """
    return Path(os.environ.get(VARIABLE, ""))


def append_to_path() -> None:
    """Let modules of the user be imported from that folder, searched last."""
    if (folder := str(Path.cwd() / base())) not in sys.path:
        sys.path.append(folder)


@contextmanager
def based_on(folder: Path) -> Iterator[None]:
    """Let relative paths start from another folder, within a `with` block.

    Args:
        folder: an absolute path; processes started inside the block inherit it.
    """
    previous = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(folder)
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        if previous is not None:
            os.environ[VARIABLE] = previous
