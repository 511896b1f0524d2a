"""Working folders of stages, which survive a crash so that a stage can resume.

The name contains the fingerprint of the stage: only a run with the same parameters,
inputs and code finds what an earlier run wrote. The folder stays when a stage crashes
or fails; publishing the stage removes it, together with those of other fingerprints.
A stage with selection parameters (`Stage.selection_params`) keeps its latest folder, so
that another selection needs no new computation.

    experiments/digits/.scratch/tune-3fa29c01b2d4/

A folder of the right name that holds a link, a pipe or a device was not written by a
stage, and is removed before one uses it.
"""

from __future__ import annotations

import contextlib
import os
import stat
from pathlib import Path

from pipeline.core.safe_path import SafeFolder
from pipeline.engine.stage import Stage
from pipeline.engine.stage_record import Parts, fingerprint

FOLDER = ".scratch"
KEY = 12  # digits of the fingerprint in a name


def scratch_key(stage: Stage, parts: Parts) -> str:
    """Compute the fingerprint in the name of a stage's working folder.

    Args:
        stage: its selection parameters and code are left out.
        parts: of the stage's fingerprint.
    """
    ignored = {
        "params": stage.selection_params,
        "code": stage.selection_code,
        "libraries": stage.selection_code,
    }
    kept = {
        part: {k: value for k, value in parts[part].items() if k not in names}
        for part, names in ignored.items()
    }
    return fingerprint({**parts, **kept})


def scratch_folder(folder: Path, stage: str, key: str, afresh: bool = False) -> Path:
    """Create or find the working folder of a stage.

    Args:
        folder: the folder of the experiment.
        stage: name of the stage.
        key: as `scratch_key` returns it, at least 12 digits.
        afresh: remove what an earlier run left there; default False.

    Returns:
        An existing folder without links.

    Raises:
        UserError: when `.scratch` is a link or a file.
    """
    inside, name = SafeFolder(folder), _name(stage, key)
    path = inside.make(FOLDER).parent / name
    if inside.exists(name) and (afresh or not _is_plain(path)):
        inside.remove(name)
    return inside.make(name)


def _is_plain(path: Path) -> bool:
    """Return True for a folder of nothing but files and folders."""
    paths = (path, *path.rglob("*"))
    modes = (os.stat(entry, follow_symlinks=False).st_mode for entry in paths)
    return path.is_dir() and all(stat.S_ISREG(m) or stat.S_ISDIR(m) for m in modes)


def has_work(folder: Path, stage: str, key: str) -> bool:
    """Return whether an earlier run left work that a new one resumes.

    Args:
        folder: the folder of the experiment.
        stage: name of the stage.
        key: as `scratch_key` returns it, at least 12 digits.
    """
    return _holds_work(folder / _name(stage, key))


def stages_with_work(folder: Path) -> list[str]:
    """Return the stages whose interrupted work is kept, by name.

    Args:
        folder: the folder of the experiment.
    """
    paths = filter(_holds_work, (folder / FOLDER).glob("*-*"))
    return sorted({path.name.rpartition("-")[0] for path in paths})


def _name(stage: str, key: str) -> str:
    return f"{FOLDER}/{stage}-{key[:KEY]}"


def _holds_work(path: Path) -> bool:
    return path.is_dir() and any(path.iterdir())


def drop_empty(path: Path) -> None:
    """Remove a working folder that nothing was written to.

    Args:
        path: the working folder; its parent is removed too if that becomes empty.
    """
    for folder in (path, path.parent):
        with contextlib.suppress(OSError):  # not empty, a link, or already removed
            folder.rmdir()


def drop_scratch(folder: Path, stage: str, kept: Path | None = None) -> None:
    """Remove the working folders of a stage; what cannot be removed stays.

    Args:
        folder: the folder of the experiment.
        stage: name of the stage.
        kept: a working folder that stays; default None removes all.
    """
    inside = SafeFolder(folder)
    for name in inside.names(FOLDER):
        if name.startswith(f"{stage}-") and (kept is None or name != kept.name):
            inside.discard(f"{FOLDER}/{name}")
    drop_empty(folder / FOLDER / stage)
