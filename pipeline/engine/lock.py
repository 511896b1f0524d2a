"""One run of an experiment at a time.

The lock belongs to the open file, so it is gone when its process is, however
that ended; the text inside only says who holds it.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.engine.errors import Busy


@contextmanager
def experiment_lock(folder: Path) -> Iterator[None]:
    """Hold the experiment in `folder`.

    Raises:
        Busy: when another process holds it.
    """
    with (folder / ".lock").open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            file.seek(0)
            raise Busy(
                f"{folder}: process {file.read().strip() or 'unknown'} is running this "
                "experiment; wait for it to end, or stop it"
            ) from None
        file.truncate(0)
        file.write(str(os.getpid()))
        file.flush()
        yield
