"""JSON files whose bytes depend on their content only."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError


def canonical(value: Any) -> str:
    """Serialize a JSON value to its canonical text: sorted keys, no spaces.

    Args:
        value: anything that `json.dumps` accepts.

    Returns:
        One line of ASCII text.

    Raises:
        ValueError: for NaN or infinity, which JSON cannot represent.
    """
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file with sorted keys, an indent of 2 and a final newline.

    Args:
        path: the file; an existing one is replaced.
        value: anything that `json.dumps` accepts.

    Raises:
        ValueError: for NaN or infinity, which JSON cannot represent.
    """
    text = json.dumps(value, sort_keys=True, indent=2, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Args:
        path: the file, in UTF-8.

    Returns:
        The value of the file.

    Raises:
        UserError: when the file is missing or is not valid JSON; it names the file.
    """
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UserError(f"{path}: the file is missing") from None
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: not readable as JSON ({error})") from None
