"""Temporary folders of one run, inside `.scratch`, which the next run sweeps.

A process that is killed with `kill -9` removes nothing, so its temporary folder stays.
Each holder keeps a lock on its folder, which the system releases when the process
ends; `sweep` removes the folders that no process holds.

    experiments/digits/.scratch/tmp-x8k2m1qd/
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipeline.core.hashing import hash_value
from pipeline.core.safe_path import SafeFolder
from pipeline.engine.scratch import FOLDER, drop_empty

PREFIX = "tmp-"
# Sockets have names of at most 108 bytes; libraries add up to 35 to `TMPDIR`.
MAX_PATH = 70


@contextmanager
def temporary_folder(
    folder: Path, short: bool = False, outside: bool = False
) -> Iterator[Path]:
    """Create a folder that is removed at the end of the block.

    Args:
        folder: the folder of the experiment.
        short: for `TMPDIR`, in which libraries open sockets: where the path would be
            longer than `MAX_PATH` bytes, a folder of this experiment in the system's
            temporary folder is used; default False.
        outside: always use that one; default False.

    Yields:
        Its absolute path.
    """
    home = _outside(folder) if outside else _home(folder, short)
    name = f"{FOLDER}/{PREFIX}{secrets.token_hex(4)}"
    path = home.make(name).resolve()
    handle = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_SH)
        yield path
    finally:
        os.close(handle)
        home.discard(name)
        drop_empty(path)
        _drop_home(folder, home)


def sweep(folder: Path) -> None:
    """Remove the temporary folders that killed processes left.

    Args:
        folder: the folder of the experiment.
    """
    homes = [SafeFolder(folder)]
    with suppress(OSError):
        homes += [_outside(folder)] if _place(folder).exists() else []
    for home in homes:
        for name in home.names(FOLDER):
            if name.startswith(PREFIX) and not _is_held(home.path / FOLDER / name):
                home.discard(f"{FOLDER}/{name}")
        drop_empty(home.path / FOLDER / PREFIX)
        _drop_home(folder, home)


def _home(folder: Path, short: bool) -> SafeFolder:
    path = os.fsencode(folder.resolve() / FOLDER / f"{PREFIX}01234567")
    return _outside(folder) if short and len(path) > MAX_PATH else SafeFolder(folder)


def _place(folder: Path) -> Path:
    """The folder of an experiment in the system's temporary folder."""
    key = hash_value([os.getuid(), os.fsdecode(folder.resolve())])[:12]
    return Path(tempfile.gettempdir()) / f"pipeline-{key}"


def _outside(folder: Path) -> SafeFolder:
    """That folder, created for this user alone.

    Raises:
        OSError: when another user, or a link, has taken its name.
    """
    path = _place(folder)
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    status = path.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.getuid():
        raise PermissionError(13, "belongs to another user", str(path))
    return SafeFolder(path)


def _drop_home(folder: Path, home: SafeFolder) -> None:
    if home.path != folder:
        with suppress(OSError):  # another process uses it
            home.path.rmdir()


def _is_held(path: Path) -> bool:
    """Return True where a living process holds the folder."""
    with suppress(OSError):
        handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        finally:
            os.close(handle)
    return False
