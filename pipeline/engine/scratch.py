"""A stage's working folder, which outlives a crash, so that a stage can go on.

It is named by the stage's fingerprint: what one run wrote there, only a run of the
same question finds. It stays when a stage dies or fails, and goes, with those of
earlier fingerprints, when the stage is published. Of a stage that chooses among what
it makes (`Stage.chooses`) the last one stays, for another choice.

    experiments/digits/.scratch/tune-3fa29c01b2d4/
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

FOLDER = ".scratch"
KEY = 12  # digits of the fingerprint in a name


def scratch_folder(folder: Path, stage: str, key: str, afresh: bool = False) -> Path:
    """The working folder of `stage` under the fingerprint `key`; it exists.

    Args:
        afresh: without what an earlier run left there.
    """
    path = folder / FOLDER / f"{stage}-{key[:KEY]}"
    if afresh:
        shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, exist_ok=True)
    return path


def drop_empty(path: Path) -> None:
    """Remove a working folder to which nothing was written."""
    for folder in (path, path.parent):
        with contextlib.suppress(OSError):  # it holds something, or is gone
            folder.rmdir()


def drop_scratch(folder: Path, stage: str, kept: Path | None = None) -> None:
    """Remove all working folders of a stage but the one that is kept."""
    for path in (folder / FOLDER).glob(f"{stage}-*"):
        if path != kept:
            shutil.rmtree(path, ignore_errors=True)
    drop_empty(folder / FOLDER / stage)
