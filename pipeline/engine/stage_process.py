"""Start the process of one stage, pass on its progress, and collect its result."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from select import select
from typing import Any, Protocol

from pipeline.core.errors import StageFailed
from pipeline.engine.time_limits import TimeLimit

Message = dict[str, Any]
HEARTBEAT = 60.0  # seconds without progress after which the last one is repeated


class Listener(Protocol):
    """Receiver of the messages and the output of a stage."""

    def progress(self, message: Message) -> None:
        """Handle a progress message: `progress` (a text), `done` and `total`."""

    def log(self, text: str) -> None:
        """Handle new output of the libraries, which may be empty."""


def run_in_process(
    request: Message,
    log: Path,
    environment: dict[str, str],
    listener: Listener,
    kept: tuple[int, ...] = (),
    limit: TimeLimit | None = None,
) -> Message:
    """Run one stage in a fresh process.

    The working directory is not on its `sys.path` (-P), so a user's `pipeline.py`
    does not hide this package.

    Args:
        request: the request for `pipeline.engine.stage_main`, ready for JSON.
        log: file for everything that the process prints.
        environment: all environment variables of the process.
        listener: receives the progress and the output while the process runs.
        kept: file descriptors that the process inherits; default none.
        limit: maximum time, after which the process is ended; default None.

    Returns:
        The last message: `metrics` and `volatile`, or `error` and `exit_code`, with
        `unexpected` when the stage crashed.
    """
    reader, writer = os.pipe()
    with log.open("wb") as output, log.open("r", errors="replace") as printed:
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pipeline.engine.stage_main"],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=(writer, *kept),
            start_new_session=True,
        )
        os.close(writer)
        try:
            _send(process, {**request, "channel": writer, "parent": os.getpid()})
            return _listen(
                process,
                reader,
                _News(listener, limit),
                lambda: listener.log(printed.read()),
            )
        finally:
            _kill_group(process)
            os.close(reader)


def _send(process: subprocess.Popen[bytes], request: Message) -> None:
    assert process.stdin is not None
    process.stdin.write(json.dumps(request).encode())
    process.stdin.close()


class _News:
    """Passes progress on, repeats it where there is none for long, and ends at a limit.

    Args:
        listener: receives the progress.
        limit: maximum time; None without.
    """

    def __init__(self, listener: Listener, limit: TimeLimit | None):
        self.listener, self.limit = listener, limit
        self.begin = self.heard = time.monotonic()
        self.beats = 0
        self.last: Message = {"progress": "running", "done": 0, "total": 0}

    def progress(self, message: Message) -> None:
        """Pass a message on."""
        self.last, self.heard, self.beats = message, time.monotonic(), 0
        self.listener.progress(message)

    def beat(self) -> None:
        """Repeat the last message once a minute."""
        silent = time.monotonic() - self.heard
        if silent < (self.beats + 1) * HEARTBEAT:
            return
        self.beats += 1
        text = f"{self.last['progress']} (no news for {silent / 60:.0f} min)"
        self.listener.progress({**self.last, "progress": text})

    def overdue(self) -> Message | None:
        """The error of a stage that has reached its limit."""
        if self.limit is None or time.monotonic() - self.begin < self.limit.seconds:
            return None
        error = (
            f"{self.limit.reason}; it was at: {self.last['progress']}. Its work is "
            "kept: raise the limit, and the same command resumes it"
        )
        return {"error": error, "exit_code": StageFailed.exit_code}


def _listen(
    process: subprocess.Popen[bytes],
    reader: int,
    news: _News,
    echo: Callable[[], None],
) -> Message:
    """Pass progress on until the process has ended and its pipe is empty."""
    result: Message | None = None
    rest = b""
    while True:
        ended = process.poll() is not None
        ready, _, _ = select([reader], [], [], 0.0 if ended else 0.1)
        chunk = os.read(reader, 65536) if ready else b""
        echo()
        *lines, rest = (rest + chunk).split(b"\n")
        for message in map(json.loads, lines):
            if "progress" in message:
                news.progress(message)
            else:
                result = message
        news.beat()
        if not ended and (error := news.overdue()):
            return error
        if ended and not chunk:
            return result or _no_result(process.returncode)
        if not chunk and ready:
            time.sleep(0.02)  # the pipe is closed, the process has not ended yet


def _no_result(code: int) -> Message:
    reason = f"the process ended with code {code}"
    if code < 0:
        reason = f"the process was ended by {signal.Signals(-code).name}"
    hint = " (out of memory, or killed)" if code == -signal.SIGKILL else ""
    exit_code = StageFailed.exit_code
    return {"error": reason + hint, "exit_code": exit_code, "unexpected": True}


def _kill_group(process: subprocess.Popen[bytes]) -> None:
    """Stop the process and the workers that it started."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
