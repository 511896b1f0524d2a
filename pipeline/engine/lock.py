"""Allow one run of an experiment at a time.

The lock belongs to the open file. It is released when the process that opened the
file and the process of its stage, which inherits it, have ended, however they ended.
The text in the file only says which process holds the lock.
"""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pipeline.core.errors import Busy, naming
from pipeline.core.safe_path import SafeFolder

# Seconds to wait for the lock: longer than a stage outlives a killed parent.
PATIENCE = 4.0
NAME = ".lock"


@contextmanager
def experiment_lock(folder: Path) -> Iterator[int]:
    """Hold the lock of an experiment within a `with` block.

    Args:
        folder: the existing folder of the experiment.

    Yields:
        The file descriptor of the lock, for child processes to inherit.

    Raises:
        Busy: when another process holds the lock for longer than `PATIENCE` seconds.
    """
    descriptor = SafeFolder(folder).open(NAME, os.O_RDWR)
    with os.fdopen(descriptor, "r+") as file:
        if not _acquire(file):
            holder = file.read().strip() or "unknown"
            raise Busy(
                f"{folder}: process {holder} is running this experiment; "
                "wait for it to end, or stop it"
            )
        with naming(folder / NAME):  # the block of the caller has its own files
            os.ftruncate(descriptor, 0)
            os.write(descriptor, str(os.getpid()).encode())  # nothing is left to flush
        yield file.fileno()


def _acquire(file: TextIO) -> bool:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except OSError:
            if time.monotonic() > end:
                return False
            time.sleep(0.05)
