"""The git commit of the code, and whether the commit describes the code completely.

The state is written to run.json and not to stage.json: two commits with equal code
give equal stage.json files, and a clean checkout must reproduce the bytes of a
modified one. stage.json itself records the code, module by module.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def git_state(paths: Iterable[Path]) -> dict[str, Any] | None:
    """Find the commit of files and folders.

    Args:
        paths: files and folders, in one checkout or several.

    Returns:
        `{"commit": "9c1e…", "dirty": False}`, where `commit` is that of the first path
        that git tracks. `dirty` is True when a path is modified, untracked, or at
        another commit of another checkout. None without git or a tracked path.
    """
    states = [_state(path) for path in paths]
    commit = next((state[0] for state in states if state), None)
    if not commit:
        return None
    return {"commit": commit, "dirty": set(states) != {(commit, "")}}


def _state(path: Path) -> tuple[str, str] | None:
    """The commit that tracks `path`, and the modifications since."""
    folder, name = (path, ".") if path.is_dir() else (path.parent, path.name)
    if not _git(folder, "ls-files", "--", name):
        return None
    commit = _git(folder, "rev-parse", "--verify", "HEAD").strip()
    if not commit:
        return None
    return commit, _git(folder, "status", "--porcelain", "--", name)


def _git(folder: Path, *arguments: str) -> str:
    """The output of a git command; empty when it fails."""
    command = ["git", "-C", str(folder), *arguments]
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=False
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if result.returncode else result.stdout
