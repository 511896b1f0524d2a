"""The record of a search: a line for each trial that ended, forced to the disk.

It is in the stage's scratch folder, which outlives a crash. A search that is begun
again asks its oracle the same questions in the same order, and finds here the
answers that it had: so it goes on as if it had never stopped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_value
from pipeline.core.json_io import canonical
from pipeline.engine.publish import sync

Result = dict[str, Any]


class Record:
    """An append-only file of `{"key", "question", "result"}`.

    Args:
        about: what the search is of; a record of something else is refused.

    `minutes` is what an interrupted search had spent, `last` its last trial that ended.

    Raises:
        UserError: when the file is of another search, or damaged.
    """

    def __init__(self, path: Path, about: Any):
        self.path = path
        self.known: dict[str, dict[str, Any]] = {}
        digest = hash_value(about)
        if path.exists():
            self._read(digest)
        results = [line["result"] for line in self.known.values()]
        self.minutes = max((one.get("minutes", 0.0) for one in results), default=0.0)
        self.last = max((int(k) for k in self.known if k.isdecimal()), default=-1)
        if not path.exists() or path.stat().st_size == 0:
            self._append({"search": digest})
            sync(path.parent)

    def find(self, key: str, question: Any) -> Result | None:
        """The result recorded under `key`, if there is one.

        Raises:
            UserError: when it was the answer to another question.
        """
        line = self.known.get(key)
        if line is None:
            return None
        if line["question"] != hash_value(question):
            raise UserError(
                f"{self.path}: trial {key} was recorded with other values than the "
                "search proposes now; remove the file to begin afresh"
            )
        return line["result"]

    def add(self, key: str, question: Any, result: Result) -> None:
        """Keep a result; when this returns, it is on the disk."""
        line = {"key": key, "question": hash_value(question), "result": result}
        self._append(line)
        self.known[key] = line

    def _append(self, line: dict[str, Any]) -> None:
        """One write a line; half a line that a full disk leaves is cut off again."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        size = os.fstat(handle).st_size
        try:
            text = (canonical(line) + "\n").encode()
            if os.write(handle, text) < len(text):
                raise OSError(28, "no space left on device", str(self.path))
            os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
        finally:
            os.close(handle)

    def _read(self, digest: str) -> None:
        lines = self._whole_lines()
        if lines and lines[0].get("search") != digest:
            raise UserError(
                f"{self.path}: is the record of another search (another space, or "
                "other settings); remove it to begin afresh"
            )
        self.known = {line["key"]: line for line in lines[1:]}

    def _whole_lines(self) -> list[dict[str, Any]]:
        """All lines; half a line at the end, from a crash, is cut off."""
        data = self.path.read_bytes()
        whole = data[: data.rfind(b"\n") + 1]
        if whole != data:
            os.truncate(self.path, len(whole))
        try:
            return [json.loads(line) for line in whole.splitlines()]
        except ValueError as error:
            raise UserError(
                f"{self.path}: is damaged ({error}); remove it to begin afresh"
            ) from None
