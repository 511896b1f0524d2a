"""JSON files whose bytes depend on their content only."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from pipeline.core.errors import UserError, naming
from pipeline.core.quoting import shown
from pipeline.core.regular_file import is_regular

MAX_BYTES = 1_000_000_000  # of a JSON file; none that is published comes near


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
        OSError: with the path, when the file cannot be written.
    """
    with naming(path):
        path.write_bytes(json_bytes(value))


def json_bytes(value: Any) -> bytes:
    """Serialize a JSON value as `write_json` writes it.

    Args:
        value: anything that `json.dumps` accepts.
    """
    text = json.dumps(value, sort_keys=True, indent=2, allow_nan=False)
    return f"{text}\n".encode()


def read_json(path: Path) -> Any:
    """Read a JSON file.

    Args:
        path: the file, in UTF-8.

    Returns:
        The value of the file.

    Raises:
        UserError: when it is missing, not a regular file, larger than `MAX_BYTES`, or
            not valid JSON; it names the file. NaN and infinity are not valid.
    """
    try:
        return parse_json(_content(path))
    except FileNotFoundError:
        raise UserError(f"{path}: the file is missing") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
    except ValueError as error:
        raise UserError(f"{path}: not readable as JSON ({error})") from None


def parse_json(content: bytes | str) -> Any:
    """Parse JSON without NaN, infinity and unbounded nesting.

    Args:
        content: the text, as bytes in UTF-8 or as a string.

    Returns:
        The value.

    Raises:
        ValueError: when it is not valid JSON, or nested too deeply to be processed.
    """
    try:
        text = content.decode("utf-8") if isinstance(content, bytes) else content
        value = json.loads(text, parse_constant=_refuse_constant)
        canonical(value)  # what is nested too deeply to be written is refused here
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return value


def read_checked(
    path: Path, schema: type[BaseModel], what: str = "the file"
) -> dict[str, Any]:
    """Read a JSON object and check its keys and the types of its values.

    Args:
        path: the file.
        schema: the keys that readers rely on, with their types; others are allowed.
        what: the file, in a message; default `the file`.

    Returns:
        The object, unchanged.

    Raises:
        UserError: when the file is unreadable or of the wrong shape; it names the
            file and the first key that is wrong.
    """
    value: Any = read_json(path)
    try:
        schema.model_validate(value, strict=True)
    except ValidationError as error:
        problem = error.errors(include_url=False, include_input=False)[0]
        key = shown(".".join(map(str, problem["loc"]))) or "the whole"
        raise UserError(
            f"{path}: {what} was altered ({key}: {problem['msg'].lower()})"
        ) from None
    return dict(value)


def _content(path: Path) -> bytes:
    """The bytes of a regular file; opening a pipe does not block."""
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    with open(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode) or not is_regular(path):
            raise OSError(0, "not a regular file")
        if status.st_size > MAX_BYTES:
            raise OSError(0, f"larger than {MAX_BYTES:,} bytes")
        return file.read()


def _refuse_constant(name: str) -> None:
    raise ValueError(f"holds {name}, which JSON does not have")
