"""Which commit the code is at, and whether it was edited since.

It goes into run.json and not into stage.json: two commits with equal code give
equal stage.json files, and a clean checkout must reproduce a dirty one's bytes.
What the code was, stage.json says itself, module by module.
"""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any


def git_state(folder: Path) -> dict[str, Any] | None:
    """`{"commit": "…", "dirty": True}` of the checkout that holds `folder`.

    None where there is no git, no checkout, or `folder` is not kept in it.
    """
    if not _git(folder, "ls-files", "."):
        return None
    commit = _git(folder, "rev-parse", "--verify", "HEAD")
    changed = _git(folder, "status", "--porcelain", "--", ".")
    return {"commit": commit.strip(), "dirty": bool(changed)} if commit else None


def _git(folder: Path, *words: str) -> str:
    call = ["git", "-C", str(folder), *words]
    try:
        done = subprocess.run(call, capture_output=True, text=True, timeout=10)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return "" if done.returncode else done.stdout
