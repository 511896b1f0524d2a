"""Content hashes of files, remembered by what the file system says about a file.

`status` asks for the hashes of sources and results, which may be gigabytes. A hash that
was computed is remembered with size, times, inode and device of its file; another file
or a written one differs in one of these. Only answers to look at come from here:
whatever runs or publishes computes each hash again (`verify`).

    with remembered_hashes(folder / HASHES):
        content_hash(path)
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from pipeline.core.hashing import hash_file, hash_value
from pipeline.engine.sealed import read_sealed, write_sealed

HASHES = ".hashes.json"  # in the folder of an experiment
# A file that is written twice within one tick of its clock looks the same: hashes of
# files that changed this recently (ns) are not remembered, as in git's index.
TICK = 2_000_000_000
LARGE = 1_000_000  # bytes; hashing less takes no longer than remembering it


class _Cache:
    """Remembered hashes: key -> what identifies the content, and its hash.

    Args:
        path: of the sealed file.
        verify: compute every hash, and remember it.
    """

    def __init__(self, path: Path, verify: bool):
        self.path, self.verify = path, verify
        self.entries: dict[str, Any] = read_sealed(path)
        self.changed = False

    def find(self, key: str, identity: str) -> str | None:
        """Return the hash of this content; None when it has to be computed."""
        entry = None if self.verify else self.entries.get(key)
        usable = isinstance(entry, list) and len(entry) == 2 and entry[0] == identity
        return str(entry[1]) if usable and entry else None

    def add(self, key: str, identity: str, digest: str) -> None:
        """Remember a hash."""
        if self.entries.get(key) != [identity, digest]:
            self.entries[key], self.changed = [identity, digest], True

    def save(self) -> None:
        """Write the file, if a hash is new and the experiment has a folder."""
        if self.changed and self.path.parent.is_dir():
            kept = {k: v for k, v in self.entries.items() if os.path.lexists(k)}
            write_sealed(self.path, kept)


_active: ContextVar[_Cache | None] = ContextVar("remembered hashes", default=None)


@contextmanager
def remembered_hashes(path: Path, verify: bool = False) -> Iterator[None]:
    """Let `content_hash` and `tree_hash` remember, in the block.

    Args:
        path: of the sealed file with the hashes; a damaged or foreign one is ignored.
        verify: compute every hash, and remember it; default False.
    """
    if _active.get() is not None:
        yield
        return
    cache = _Cache(path, verify)
    token = _active.set(cache)
    try:
        yield
    finally:
        _active.reset(token)
        cache.save()


def content_hash(path: Path) -> str:
    """Hash the bytes of a file, or return the hash that is remembered.

    Args:
        path: an existing file.

    Returns:
        64 hexadecimal digits.
    """
    cache, status = _active.get(), path.stat()
    if cache is None or status.st_size < LARGE:
        return hash_file(path)
    key, identity = os.path.abspath(path), hash_value(_identity(status))
    digest = cache.find(key, identity)
    if digest is None:
        digest = hash_file(path)
        if _is_settled([status]) and _identity(path.stat()) == _identity(status):
            cache.add(key, identity, digest)
    return digest


def tree_hash(root: Path, files: Iterable[tuple[str, os.stat_result]]) -> str | None:
    """Return the remembered hash of many files below a folder; see `remember_tree`.

    Args:
        root: the folder.
        files: name and state of each file.
    """
    cache = _active.get()
    return cache.find(os.path.abspath(root), _tree(files)) if cache else None


def remember_tree(
    root: Path, files: Iterable[tuple[str, os.stat_result]], digest: str
) -> None:
    """Remember the hash of many files below a folder.

    Args:
        root: the folder.
        files: name and state of each file, from before they were hashed.
        digest: their hash.
    """
    cache, listed = _active.get(), list(files)
    if cache is not None and _is_settled([status for _, status in listed]):
        cache.add(os.path.abspath(root), _tree(listed), digest)


def _tree(files: Iterable[tuple[str, os.stat_result]]) -> str:
    return hash_value([[name, *_identity(status)] for name, status in files])


def _identity(status: os.stat_result) -> list[int]:
    return [
        status.st_size,
        status.st_mtime_ns,
        status.st_ctime_ns,
        status.st_ino,
        status.st_dev,
    ]


def _is_settled(states: Iterable[os.stat_result]) -> bool:
    newest = max((max(s.st_mtime_ns, s.st_ctime_ns) for s in states), default=0)
    return time.time_ns() - newest > TICK
