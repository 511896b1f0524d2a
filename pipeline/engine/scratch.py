"""Working folders of stages, which survive a crash so that a stage can resume.

The name contains the fingerprint of the stage: only a run with the same parameters,
inputs and code finds what an earlier run wrote. The folder stays when a stage crashes
or fails; publishing the stage removes it, together with those of other fingerprints.
A stage with selection parameters (`Stage.selection_params`) keeps its latest folder, so
that another selection needs no new computation.

    experiments/digits/.scratch/tune-3fa29c01b2d4/
"""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

FOLDER = ".scratch"
KEY = 12  # digits of the fingerprint in a name


def scratch_folder(folder: Path, stage: str, key: str, afresh: bool = False) -> Path:
    """Create or find the working folder of a stage.

    Args:
        folder: the folder of the experiment.
        stage: name of the stage.
        key: the fingerprint, at least 12 digits.
        afresh: remove what an earlier run left there; default False.

    Returns:
        An existing folder.
    """
    path = folder / FOLDER / f"{stage}-{key[:KEY]}"
    if afresh:
        shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, exist_ok=True)
    return path


def has_work(folder: Path, stage: str, key: str) -> bool:
    """Return whether an earlier run left work that a new one resumes.

    Args:
        folder: the folder of the experiment.
        stage: name of the stage.
        key: the fingerprint, at least 12 digits.
    """
    path = folder / FOLDER / f"{stage}-{key[:KEY]}"
    return path.is_dir() and any(path.iterdir())


def stages_with_work(folder: Path) -> list[str]:
    """Return the stages whose interrupted work is kept, by name.

    Args:
        folder: the folder of the experiment.
    """
    paths = [
        p for p in (folder / FOLDER).glob("*-*") if p.is_dir() and any(p.iterdir())
    ]
    return sorted({path.name.rpartition("-")[0] for path in paths})


def drop_empty(path: Path) -> None:
    """Remove a working folder that nothing was written to.

    Args:
        path: the working folder; its parent is removed too if that becomes empty.
    """
    for folder in (path, path.parent):
        with contextlib.suppress(OSError):  # not empty, or already removed
            folder.rmdir()


def drop_scratch(folder: Path, stage: str, kept: Path | None = None) -> None:
    """Remove the working folders of a stage.

    Args:
        folder: the folder of the experiment.
        stage: name of the stage.
        kept: a working folder that stays; default None removes all.
    """
    for path in (folder / FOLDER).glob(f"{stage}-*"):
        if path != kept:
            shutil.rmtree(path, ignore_errors=True)
    drop_empty(folder / FOLDER / stage)
