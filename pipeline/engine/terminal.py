"""Progress of a run: one line per stage, live on a terminal, plain in a pipe."""

from __future__ import annotations

import os
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

from pipeline.core.quoting import printable
from pipeline.engine.plan import Decision

EVERY = 5.0  # seconds between two progress lines of one stage in a pipe
REASON = 30  # width of the column of reasons


def line(stage: str, state: str, reason: str, text: str = "") -> str:
    """Format one line, such as `train     stale    train.epochs 30 -> 60`.

    Args:
        stage: name of the stage.
        state: its state, such as `stale`.
        reason: the reason of the state.
        text: progress or headline; default empty.

    Returns:
        The line in aligned columns, without trailing spaces.
    """
    return printable(f"{stage:<9} {state:<8} {reason:<{REASON}} {text}".rstrip())


def decision_line(decision: Decision) -> str:
    """Format the decision about one stage.

    Args:
        decision: as `pipeline.engine.plan` returns it.

    Returns:
        One line, with the headline of the published result.
    """
    return line(decision.stage, decision.state, decision.reason, decision.headline)


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress standard error within a `with` block, including that of C libraries."""
    original, sink = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(sink, 2)
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(original, 2)
        os.close(original)
        os.close(sink)


class Terminal:
    """A `pipeline.engine.runner.Reporter` that writes to a stream.

    Args:
        stream: default standard output.
        verbose: show the output of libraries too; default False.
    """

    def __init__(self, stream: TextIO | None = None, verbose: bool = False):
        self.stream = stream or sys.stdout
        self.verbose = verbose
        self.live = self.stream.isatty() and not verbose
        self.decision = Decision("", "", "", {})  # about the running stage
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
        """Show the progress: every message when live; one in 5 s and results in a pipe.

        Args:
            message: `progress` (a text), `done` and `total`; `result` is true for a
                line that must not be dropped.
        """
        text = message["progress"]
        if self.live:
            decision = self.decision
            shown = line(decision.stage, decision.state, decision.reason, text)
            return self._rewrite(shown)
        last = message["done"] and message["done"] == message["total"]
        if last or message.get("result") or time.monotonic() >= self.next_line:
            self.next_line = time.monotonic() + EVERY
            self._print(line(self.decision.stage, "", "", text))
        return None

    def finished(self, key: str, headline: str, seconds: float) -> None:
        """Print the line of a stage that was just published.

        Args:
            key: the short fingerprint.
            headline: the line that the stage wrote about its result.
            seconds: duration of the stage.
        """
        text = line(self.decision.stage, "done", f"{key}  {seconds:.1f} s", headline)
        self._clear()
        self._print(text)

    def log(self, text: str) -> None:
        """Show the output of libraries, if `verbose`."""
        if self.verbose and text:
            self.stream.write(text)
            self.stream.flush()

    def _print(self, text: str) -> None:
        print(printable(text), file=self.stream, flush=True)

    def _rewrite(self, text: str) -> None:
        width = shutil.get_terminal_size().columns
        self._clear()
        self.stream.write(printable(text)[: width - 1])
        self.stream.flush()

    def _clear(self) -> None:
        if self.live:
            self.stream.write("\r\x1b[2K")
