"""A stream whose errors name it: a full disk raises errors without a name."""

from __future__ import annotations

from pathlib import Path
from typing import Any, TextIO

from pipeline.core.errors import naming


class NamedStream:
    """A stream whose errors name a file; everything else is that of the stream.

    Args:
        stream: that is written to.
        path: of the file, or words such as `standard output`.
    """

    def __init__(self, stream: TextIO, path: Path):
        self._stream, self._path = stream, path

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def write(self, text: str) -> int:
        """Write a text, as `TextIO.write` does."""
        with naming(self._path):
            return self._stream.write(text)

    def flush(self) -> None:
        """Write what is buffered, as `TextIO.flush` does."""
        with naming(self._path):
            self._stream.flush()
