"""Put a finished stage in the place of the old one, whole or not at all.

A stage writes into `.train.partial`. When it is complete, its files are forced
to disk, stage.json last; then the old folder steps aside to `.train.old` and
the new one takes its name. A crash between the two renames is mended by
`recover`, which runs before anything else does.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path


def partial_folder(folder: Path, stage: str) -> Path:
    """An empty folder beside the published one."""
    path = folder / f".{stage}.partial"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def publish(partial: Path, folder: Path, stage: str) -> None:
    """Rename `partial` to `folder/stage`, replacing what was there."""
    sync_tree(partial)
    aside = folder / f".{stage}.old"
    target = folder / stage
    shutil.rmtree(aside, ignore_errors=True)
    if target.exists():
        target.rename(aside)
    partial.rename(target)
    sync(folder)
    shutil.rmtree(aside, ignore_errors=True)


def recover(folder: Path, stage: str) -> None:
    """Finish what a crash interrupted: the old folder back, leftovers gone."""
    aside = folder / f".{stage}.old"
    target = folder / stage
    if aside.exists() and not target.exists():
        aside.rename(target)
    shutil.rmtree(aside, ignore_errors=True)
    shutil.rmtree(folder / f".{stage}.partial", ignore_errors=True)


def sync_tree(folder: Path) -> None:
    """Force every file and folder below `folder` to disk."""
    for path in sorted(folder.rglob("*")):
        sync(path)
    sync(folder)


def sync(path: Path) -> None:
    """Force one file or folder to disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
