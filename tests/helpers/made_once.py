"""A folder that one worker of pytest-xdist makes and all of them read."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


def made_once(
    factory: pytest.TempPathFactory, name: str, make: Callable[[Path], Any]
) -> tuple[Path, Any]:
    """Make a folder, or wait until another worker has made it.

    Args:
        factory: the fixture `tmp_path_factory`.
        name: of the folder, below the temporary folder of the whole test run.
        make: fills the new folder and returns something that JSON can hold.

    Returns:
        The folder, and what `make` returned.
    """
    base = factory.getbasetemp()
    common = base.parent if base.name.startswith("popen-") else base
    folder, record = common / name, common / f"{name}.json"
    with (common / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not record.exists():
            folder.mkdir()
            record.write_text(json.dumps(make(folder)))
    return folder, json.loads(record.read_text())
