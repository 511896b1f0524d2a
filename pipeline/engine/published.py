"""Published files, checked against the recorded hashes before they are used.

A stage checks its inputs before it runs. Whatever else reads a published file for an
answer, such as `predict` or `show`, asks for it here: a changed byte is one error and
never another answer.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file
from pipeline.core.json_io import read_checked
from pipeline.core.safe_path import is_inside
from pipeline.engine.run_record import SELF_VERIFIED, read_run
from pipeline.engine.stage_record import read_record


def published(folder: Path, *names: str) -> Path:
    """Check published files of a stage.

    Args:
        folder: the published folder of a stage.
        names: paths relative to it, with slashes; a file that the stage did not
            publish and that does not exist is skipped, because some are optional.

    Returns:
        The folder.

    Raises:
        UserError: when a record is damaged, or a file is not the one that it records.
    """
    recorded = recorded_hashes(folder)
    for name in names:
        path = folder / name
        if not is_inside(name):
            raise _altered(path, "is not a file of this stage")
        if name in SELF_VERIFIED or (name not in recorded and not os.path.exists(path)):
            continue
        if name not in recorded:
            raise _altered(path, "was not published by this stage")
        if not os.path.isfile(path):  # False for a name that no file system holds
            raise _altered(path, "is missing")
        if hash_file(path) != recorded[name]:
            raise _altered(path, "was altered since it was published")
    return folder


def published_json(folder: Path, name: str, schema: type[BaseModel]) -> dict[str, Any]:
    """Read a published JSON object, checked against its hash and its types.

    Args:
        folder: the published folder of a stage.
        name: of the file in it.
        schema: the keys that readers rely on, with their types.

    Raises:
        UserError: when it is not the published file, or of the wrong shape.
    """
    return read_checked(published(folder, name) / name, schema)


def recorded_hashes(folder: Path) -> dict[str, str]:
    """Read the hash of every file that a stage published.

    Args:
        folder: the published folder of a stage.

    Returns:
        Path relative to the folder -> hash, volatile files included.

    Raises:
        UserError: when stage.json or run.json is missing or damaged.
    """
    outputs: dict[str, str] = read_record(folder)["outputs"]
    return {**outputs, **read_run(folder)["files"]}


def _altered(path: Path, reason: str) -> UserError:
    return UserError(
        f"{path}: {reason}, so it is not used; repeat the command that made it, which "
        "replaces what is damaged"
    )
