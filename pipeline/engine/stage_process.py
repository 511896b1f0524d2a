"""One stage in a fresh process: its request in, its progress and its answer out."""

from __future__ import annotations

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


class Listener(Protocol):
    """Who is told how far the process is."""

    def progress(self, message: dict[str, Any]) -> None:
        """The stage says how far it is."""

    def log(self, text: str) -> None:
        """What the stage's libraries printed."""


def run_in_process(
    request: dict[str, Any],
    log: Path,
    environment: dict[str, str],
    listener: Listener,
    kept: tuple[int, ...] = (),
) -> dict[str, Any]:
    """Run `pipeline.engine.stage_main` on `request` and return its last message.

    Args:
        kept: open files that the process, and what it forks, keeps open.
    """
    reader, writer = os.pipe()
    with log.open("wb") as printed, log.open("r", errors="replace") as written:
        process = subprocess.Popen(
            [sys.executable, "-m", "pipeline.engine.stage_main"],
            stdin=subprocess.PIPE,
            stdout=printed,
            stderr=subprocess.STDOUT,
            env=environment,
            pass_fds=(writer, *kept),
            start_new_session=True,
        )
        os.close(writer)
        try:
            _send(process, {**request, "channel": writer, "parent": os.getpid()})
            echo = lambda: listener.log(written.read())  # noqa: E731
            answer = _listen(process, reader, listener, echo)
        finally:
            _end(process)
            os.close(reader)
    return answer


def _send(process: subprocess.Popen, request: dict[str, Any]) -> None:
    process.stdin.write(json.dumps(request).encode())
    process.stdin.close()


def _listen(
    process: subprocess.Popen, reader: int, listener: Listener, echo: Callable[[], None]
) -> dict[str, Any]:
    """Pass progress on until the process is over and its pipe is empty."""
    answer: dict[str, Any] | None = None
    rest = b""
    while True:
        over = process.poll() is not None
        ready, _, _ = select([reader], [], [], 0.0 if over else 0.1)
        piece = os.read(reader, 65536) if ready else b""
        echo()
        *lines, rest = (rest + piece).split(b"\n")
        for message in map(json.loads, lines):
            if "progress" in message:
                listener.progress(message)
            else:
                answer = message
        if over and not piece:
            return answer or _no_answer(process.returncode)
        if not piece and ready:
            time.sleep(0.02)  # the pipe is closed, the process not yet over


def _no_answer(code: int) -> dict[str, Any]:
    how = f"with code {code}"
    if code < 0:
        how = f"by {signal.Signals(-code).name}"
    hint = " (memory ran out, or somebody killed it)" if code == -signal.SIGKILL else ""
    return {
        "error": f"its process was ended {how}{hint}",
        "exit_code": 1,
        "unexpected": True,
    }


def _end(process: subprocess.Popen) -> None:
    """Stop the process and the workers that it forked."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        pass
    process.wait()
