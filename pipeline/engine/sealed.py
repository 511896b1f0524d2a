"""Sealed files: notes of this machine, which are not trusted from elsewhere.

A sealed file holds a value, and a checksum of the value together with the identity of
the file: its inode and device, the user, and the machine. A changed byte, a torn
write, and a file that git, tar or a copy brought here all fail the check; the file
then counts as absent. Written in place, so that the inode stays and no temporary file
is left. Only for what can be computed again, or asked again.

The seal is no secret: it does not stop a program that already runs on this machine.
"""

from __future__ import annotations

import fcntl
import os
import platform
from contextlib import suppress
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_value
from pipeline.core.json_io import canonical, parse_json
from pipeline.core.safe_path import FILE, SafeFolder

MACHINE = Path("/etc/machine-id")


def write_sealed(path: Path, value: dict[str, Any]) -> None:
    """Replace the content of a sealed file; failures are ignored.

    Args:
        path: the file; a link of this name is removed.
        value: a JSON object.
    """
    with suppress(OSError, UserError):
        descriptor = SafeFolder(path.parent).open(path.name, os.O_RDWR)
        with open(descriptor, "r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            seal = _seal(value, os.fstat(descriptor))
            file.write(canonical({"seal": seal, "value": value}).encode())
            file.truncate()


def read_sealed(path: Path) -> dict[str, Any]:
    """Read a sealed file.

    Args:
        path: the file.

    Returns:
        The object; empty when the file is absent, damaged, or from elsewhere.
    """
    try:
        with open(os.open(path, os.O_RDONLY | FILE), "rb") as file:
            status = os.fstat(file.fileno())
            document = parse_json(file.read())
        value: dict[str, Any] = document["value"]
        return value if document["seal"] == _seal(value, status) else {}
    except (OSError, ValueError, TypeError, KeyError):
        return {}


def _seal(value: Any, status: os.stat_result) -> str:
    machine = MACHINE.read_text() if MACHINE.is_file() else platform.node()
    return hash_value([machine, os.getuid(), status.st_dev, status.st_ino, value])
