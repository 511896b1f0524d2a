"""Bounds on what is decompressed: a small file must not fill the memory or the disk."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError

KEY = "data.limits.decompressed_megabytes"
MEGABYTE = 1_000_000


def check_size(path: Path, size: int, limit: int) -> None:
    """Refuse a file that holds more than the limit when it is decompressed.

    Args:
        path: of the compressed file.
        size: bytes of its content.
        limit: maximum number of bytes.

    Raises:
        UserError: it names the key that raises the limit.
    """
    if size > limit:
        raise UserError(
            f"{path}: holds more than {limit / MEGABYTE:,.0f} MB when decompressed; "
            f"raise {KEY} if that is intended"
        )


class BoundedFile(io.RawIOBase):
    """A stream that raises `UserError` beyond a number of bytes.

    Args:
        file: the decompressing stream.
        path: of the compressed file, for the error.
        limit: maximum number of bytes.
    """

    def __init__(self, file: Any, path: Path, limit: int):
        self.file, self.path, self.limit = file, path, limit
        self.count = 0

    def readable(self) -> bool:
        """Return True: the stream is for reading."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into a buffer, and count.

        Raises:
            UserError: beyond the limit.
        """
        content = self.file.read(len(buffer))
        buffer[: len(content)] = content
        self.count += len(content)
        check_size(self.path, self.count, self.limit)
        return len(content)

    def close(self) -> None:
        """Close both streams."""
        self.file.close()
        super().close()
