"""One run of an experiment at a time.

The lock belongs to the open file, so it is gone when its process, and the stage's
process that keeps the file open too, are gone, however they ended; the text inside
only says who holds it.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pipeline.core.errors import Busy

PATIENCE = 4.0  # seconds; more than a stage's process outlives its parent


@contextmanager
def experiment_lock(folder: Path) -> Iterator[int]:
    """Hold the experiment in `folder`; its descriptor, for processes to keep open.

    Raises:
        Busy: when another process holds it for longer than PATIENCE seconds.
    """
    with (folder / ".lock").open("a+") as file:
        if not _taken(file):
            file.seek(0)
            raise Busy(
                f"{folder}: process {file.read().strip() or 'unknown'} is running this "
                "experiment; wait for it to end, or stop it"
            )
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield file.fileno()


def _taken(file: TextIO) -> bool:
    """Try until PATIENCE is over: what a killed run has left ends within that."""
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
