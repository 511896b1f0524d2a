"""Replace the published result of a stage atomically.

A stage writes into `.train.partial`. When it has finished, its files are forced to
disk; then the old folder is renamed to `.train.old` and the new one takes its name.
After a crash between the two renames, `recover` restores the old folder; it runs
before anything else does. No link is followed: one in the place of such a folder is
removed as a link.
"""

from __future__ import annotations

from pathlib import Path

from pipeline.core.safe_path import SafeFolder
from pipeline.engine.fsync import sync, sync_tree


def partial_folder(folder: Path, stage: str) -> Path:
    """Create the empty folder that a stage writes into.

    Args:
        folder: the folder of the experiment.
        stage: name of the stage.

    Returns:
        `folder/.STAGE.partial`; leftovers of an earlier run are removed.
    """
    folder.mkdir(parents=True, exist_ok=True)
    return SafeFolder(folder).make_new(f".{stage}.partial")


def publish(partial: Path, folder: Path, stage: str) -> None:
    """Rename a finished folder to its published name, replacing the old one.

    Args:
        partial: the folder that `partial_folder` made.
        folder: the folder of the experiment.
        stage: name of the stage.
    """
    sync_tree(partial)
    inside, old = SafeFolder(folder), f".{stage}.old"
    inside.remove(old)
    if inside.exists(stage):
        inside.rename(stage, old)
    inside.rename(partial.name, stage)
    sync(folder)
    inside.discard(old)


def recover(folder: Path, stage: str) -> None:
    """Clean up after a crash: restore the old folder, remove leftovers.

    What cannot be removed stays; the next stage of that name reports it.

    Args:
        folder: the folder of the experiment.
        stage: name of the stage.
    """
    inside, old = SafeFolder(folder), f".{stage}.old"
    if inside.exists(old) and not inside.exists(stage):
        inside.rename(old, stage)
    inside.discard(old)
    inside.discard(f".{stage}.partial")
