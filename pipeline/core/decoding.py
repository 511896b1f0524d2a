"""Errors of decoders: whatever one raises about a file becomes one error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown


@contextmanager
def decoding(path: Path, kind: str) -> Iterator[None]:
    """Turn any error inside the block into one that names the file.

    Args:
        path: of the file or folder.
        kind: what it should be, after "not", such as `a readable .npz file`.

    Raises:
        UserError: one that is raised inside is kept.
    """
    try:
        yield
    except UserError:
        raise
    except Exception as error:  # a decoder raises whatever its parsing meets
        raise UserError(f"{path}: not {kind} ({reason_of(error)})") from error


def reason_of(error: Exception) -> str:
    """Return the message of an error in one line; its class where it has none."""
    return shown(str(error) or type(error).__name__, 200)
