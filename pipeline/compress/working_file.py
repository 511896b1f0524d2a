"""JSON files of the working folder, which a kill or a damaged disk cannot falsify.

In: a JSON object. Out: a file with the object and its digest; read back, the object.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_value
from pipeline.core.json_io import read_json, write_json


def write(path: Path, content: dict[str, Any]) -> None:
    """Replace a file at once: after a kill, it is complete or absent.

    Args:
        path: the file; another one with the suffix `.part` is used on the way.
        content: a JSON object without the key `digest`.
    """
    aside = path.with_suffix(".part")
    write_json(aside, {**content, "digest": hash_value(content)})
    aside.replace(path)


def read(path: Path) -> dict[str, Any] | None:
    """Read a file that `write` wrote.

    Args:
        path: the file.

    Returns:
        The object; None where there is no file, or one that was altered.
    """
    try:
        content = dict(read_json(path))
        intact = content.pop("digest") == hash_value(content)
    except (UserError, ValueError, TypeError, KeyError):
        return None
    return content if intact else None
