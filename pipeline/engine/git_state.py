"""Which commit the code is at, and whether it says what was run.

It goes into run.json and not into stage.json: two commits with equal code give
equal stage.json files, and a clean checkout must reproduce a dirty one's bytes.
What the code was, stage.json says itself, module by module.
"""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path
from typing import Any


def git_state(paths: Iterable[Path]) -> dict[str, Any] | None:
    """`{"commit": "…", "dirty": True}` of the first of `paths` that git keeps.

    Dirty when the commit alone does not say what is in `paths`: one of them is
    edited, not kept, or kept in another checkout at another commit. None where there
    is no git, or none of them is kept.
    """
    states = [_state(path) for path in paths]
    commit = next((state[0] for state in states if state), None)
    return (
        {"commit": commit, "dirty": set(states) != {(commit, "")}} if commit else None
    )


def _state(path: Path) -> tuple[str, str] | None:
    """The commit that `path` is kept at, and what was changed since."""
    folder, name = (path, ".") if path.is_dir() else (path.parent, path.name)
    if not _git(folder, "ls-files", "--", name):
        return None
    commit = _git(folder, "rev-parse", "--verify", "HEAD").strip()
    return (
        (commit, _git(folder, "status", "--porcelain", "--", name)) if commit else None
    )


def _git(folder: Path, *words: str) -> str:
    call = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout
