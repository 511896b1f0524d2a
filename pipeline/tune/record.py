"""The record of a search: one line per finished trial, flushed to the disk at once.

The file is in the stage's scratch folder, which survives a crash. A search that is
started again asks its oracle for the same trials in the same order and finds their
results here, so it continues as if it had never stopped. Where a trial exceeded a time
limit that was raised since, it continues from before that trial.
"""

from __future__ import annotations

import os
from itertools import takewhile
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError, naming
from pipeline.core.hashing import hash_value
from pipeline.core.json_io import canonical, parse_json
from pipeline.engine.fsync import sync
from pipeline.engine.time_limits import EXCEEDED, is_raised

Result = dict[str, Any]


class Record:
    """An append-only file of `{"key", "request", "result", "digest"}`.

    Attributes:
        minutes: time that an interrupted search had spent.
        last: number of its last finished trial; -1 without any.

    Args:
        path: the file; created if missing.
        identity: everything the search depends on; a record of another is refused.
        minutes: maximum minutes of a trial; default None, no limit.

    Raises:
        UserError: when the file belongs to another search, or is damaged.
    """

    def __init__(self, path: Path, identity: Any, minutes: float | None = None):
        self.path, self.limit = path, minutes
        self.lines: dict[str, dict[str, Any]] = {}
        digest = hash_value(identity)
        if path.exists():
            self._read(digest)
        results = [line["result"] for line in self.lines.values()]
        self.minutes = max((r.get("minutes", 0.0) for r in results), default=0.0)
        self.last = max((int(k) for k in self.lines if k.isdecimal()), default=-1)
        if not path.exists() or path.stat().st_size == 0:
            self._append({"search": digest})
            sync(path.parent)

    @property
    def exceeded(self) -> dict[str, float]:
        """`trial` -> the lowest limit that a trial exceeded; empty if none did."""
        results = [line["result"] for line in self.lines.values()]
        late = [result[EXCEEDED] for result in results if EXCEEDED in result]
        return {"trial": min(late)} if late else {}

    def find(self, key: str, request: Any) -> Result | None:
        """Return the recorded result of a trial, or None.

        Args:
            key: number of the trial, or `trial/turn` of a finalist.
            request: the arguments that the result depends on.

        Raises:
            UserError: when the result was recorded for another request.
        """
        line = self.lines.get(key)
        if line is None:
            return None
        if line["request"] != hash_value(request):
            raise UserError(
                f"{self.path}: trial {key} was recorded with other values than the "
                "search proposes now; remove the file to start again"
            )
        return line["result"]

    def add(self, key: str, request: Any, result: Result) -> None:
        """Record a result; it is on the disk when this returns.

        Args:
            key: number of the trial, or `trial/turn` of a finalist.
            request: the arguments that the result depends on.
            result: the result, ready for JSON.

        Raises:
            OSError: when the disk is full; the file is unchanged then.
        """
        line = {"key": key, "request": hash_value(request), "result": result}
        self._append({**line, "digest": hash_value(line)})
        self.lines[key] = line

    def _append(self, line: dict[str, Any]) -> None:
        """Write a line at once; cut off a partial line that a full disk leaves."""
        handle = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        size = os.fstat(handle).st_size
        try:
            text = (canonical(line) + "\n").encode()
            with naming(self.path):
                if os.write(handle, text) < len(text):
                    raise OSError(28, "no space left on device")
                os.fsync(handle)
        except OSError:
            os.ftruncate(handle, size)
            raise
        finally:
            os.close(handle)

    def _read(self, digest: str) -> None:
        lines = self._complete_lines()
        if lines and lines[0].get("search") != digest:
            raise UserError(
                f"{self.path}: the record of another search (another space or other "
                "settings); remove it to start again"
            )
        checked = [_checked(self.path, line) for line in lines[1:]]
        kept = list(takewhile(self._counts, checked))
        if len(kept) < len(checked):
            self._cut(1 + len(kept))
        self.lines = {line["key"]: line for line in kept}

    def _counts(self, line: dict[str, Any]) -> bool:
        """Return False for a trial that exceeded a lower limit than the present one."""
        late = line["result"].get(EXCEEDED)
        return late is None or not is_raised(self.limit, late)

    def _cut(self, count: int) -> None:
        """Keep the first lines; trials of later ones may depend on what is removed."""
        lines = self.path.read_bytes().splitlines(keepends=True)
        os.truncate(self.path, sum(map(len, lines[:count])))

    def _complete_lines(self) -> list[dict[str, Any]]:
        """Return all lines; cut off a partial last line, which a crash leaves."""
        data = self.path.read_bytes()
        complete = data[: data.rfind(b"\n") + 1]
        if complete != data:
            os.truncate(self.path, len(complete))
        try:
            lines = [parse_json(line) for line in complete.splitlines()]
        except ValueError as error:
            raise _damaged(self.path, str(error)) from None
        if not all(isinstance(line, dict) for line in lines):
            raise _damaged(self.path, "a line is not an object")
        return lines


def _checked(path: Path, line: dict[str, Any]) -> dict[str, Any]:
    """The line without its digest.

    Raises:
        UserError: when the digest is not that of the line.
    """
    rest = {key: value for key, value in line.items() if key != "digest"}
    if line.get("digest") != hash_value(rest):
        raise _damaged(path, f"the line of trial {line.get('key')} was altered")
    return rest


def _damaged(path: Path, reason: str) -> UserError:
    return UserError(f"{path}: damaged ({reason}); remove it to start again")
