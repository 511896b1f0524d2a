"""Replace the published result of a stage atomically.

A stage writes into `.train.partial`. When it has finished, its files are forced to
disk; then the old folder is renamed to `.train.old` and the new one takes its name.
After a crash between the two renames, `recover` restores the old folder; it runs
before anything else does.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from pipeline.engine.fsync import sync, sync_tree


def partial_folder(folder: Path, stage: str) -> Path:
    """Create the empty folder that a stage writes into.

    Args:
        folder: the folder of the experiment.
        stage: name of the stage.

    Returns:
        `folder/.STAGE.partial`; leftovers of an earlier run are removed.
    """
    path = folder / f".{stage}.partial"
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    return path


def publish(partial: Path, folder: Path, stage: str) -> None:
    """Rename a finished folder to its published name, replacing the old one.

    Args:
        partial: a folder on the same file system as `folder`.
        folder: the folder of the experiment.
        stage: name of the stage.
    """
    sync_tree(partial)
    old = folder / f".{stage}.old"
    target = folder / stage
    shutil.rmtree(old, ignore_errors=True)
    if target.exists():
        target.rename(old)
    partial.rename(target)
    sync(folder)
    shutil.rmtree(old, ignore_errors=True)


def recover(folder: Path, stage: str) -> None:
    """Clean up after a crash: restore the old folder, remove leftovers.

    Args:
        folder: the folder of the experiment.
        stage: name of the stage.
    """
    old = folder / f".{stage}.old"
    target = folder / stage
    if old.exists() and not target.exists():
        old.rename(target)
    shutil.rmtree(old, ignore_errors=True)
    shutil.rmtree(folder / f".{stage}.partial", ignore_errors=True)
