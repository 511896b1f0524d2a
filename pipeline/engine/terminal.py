"""One line a stage: live on a terminal, plain lines on a pipe."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from pipeline.engine.plan import Decision

EVERY = 5.0  # seconds between two progress lines of one stage on a pipe
REASON = 30  # columns of the reason


def line(stage: str, state: str, reason: str, text: str = "") -> str:
    """`train     stale    train.epochs 30 -> 60          epoch 3/60`."""
    return f"{stage:<9} {state:<8} {reason:<{REASON}} {text}".rstrip()


def decision_line(decision: Decision) -> str:
    """The plan of one stage in one line."""
    return line(decision.stage, decision.state, decision.reason, decision.headline)


@contextmanager
def quiet() -> Iterator[None]:
    """Keep what libraries write to standard error, past Python, to themselves."""
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


class Terminal:
    """A `pipeline.engine.runner.Reporter` that writes to a stream.

    Args:
        stream: defaults to standard output.
        verbose: also show what libraries print.
    """

    def __init__(self, stream: TextIO | None = None, verbose: bool = False):
        self.stream = stream or sys.stdout
        self.verbose = verbose
        self.live = self.stream.isatty() and not verbose
        self.decision: Decision | None = None
        self.next_line = 0.0

    def cached(self, decision: Decision) -> None:
        """Print the line of a stage that is up to date."""
        self._print(decision_line(decision))

    def started(self, decision: Decision) -> None:
        """Print why a stage runs."""
        self.decision = decision
        self.next_line = time.monotonic() + EVERY
        text = line(decision.stage, decision.state, decision.reason)
        self._rewrite(text) if self.live else self._print(text)

    def progress(self, message: dict[str, Any]) -> None:
        """Show how far the stage is: always when live, now and then on a pipe."""
        d = self.decision
        text = message["progress"]
        if self.live:
            return self._rewrite(line(d.stage, d.state, d.reason, text))
        last = message["done"] and message["done"] == message["total"]
        if last or time.monotonic() >= self.next_line:
            self.next_line = time.monotonic() + EVERY
            self._print(line(d.stage, "", "", text))
        return None

    def finished(self, key: str, headline: str, seconds: float) -> None:
        """Print the line of a stage that has just been published."""
        text = line(self.decision.stage, "done", f"{key}  {seconds:.1f} s", headline)
        self._clear()
        self._print(text)

    def log(self, text: str) -> None:
        """Show the libraries' output when asked to."""
        if self.verbose and text:
            self.stream.write(text)
            self.stream.flush()

    def _print(self, text: str) -> None:
        print(text, file=self.stream, flush=True)

    def _rewrite(self, text: str) -> None:
        width = shutil.get_terminal_size().columns
        self._clear()
        self.stream.write(text[: width - 1])
        self.stream.flush()

    def _clear(self) -> None:
        if self.live:
            self.stream.write("\r\x1b[2K")
