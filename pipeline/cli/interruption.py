"""Ctrl-C: the first one ends a command within a second, the second one at once.

Python runs its signal handlers between two byte codes of the main thread, so a long
call into a library delays them. A thread is woken as soon as the signal arrives. Where
the command has not ended after `PATIENCE` seconds, or at the second signal, it ends the
process as `kill -9` would: published results stay, and the next run removes what is
left. SIGTERM and SIGHUP count as well while a run handles them.
"""

from __future__ import annotations

import os
import select
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.core.exit_codes import ExitCode

PATIENCE = 0.5  # seconds between the signal and the end of the process
MESSAGE = "interrupted; no partial result was kept"
ENDING = {signal.SIGINT, signal.SIGTERM, signal.SIGHUP}


@contextmanager
def prompt_interrupts() -> Iterator[None]:
    """Answer Ctrl-C in time within a `with` block.

    Does nothing outside the main thread, and where Ctrl-C is ignored or handled by
    another program.
    """
    in_main = threading.current_thread() is threading.main_thread()
    plain = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if not (in_main and plain):
        yield
        return
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    previous = signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    thread = threading.Thread(target=_watch, args=(reader,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(previous)
        os.close(writer)
        thread.join()
        os.close(reader)


def _watch(reader: int) -> None:
    """End the process after a signal, unless the pipe is closed in time."""
    signals = 0
    while True:
        ready, _, _ = select.select([reader], [], [], PATIENCE if signals else None)
        numbers = os.read(reader, 64) if ready else b""
        if ready and not numbers:
            return
        signals += sum(number in ENDING for number in numbers)
        if signals > 1 or not ready:
            _end()


def _end() -> None:
    os.write(2, f"{MESSAGE}\n".encode())
    os._exit(ExitCode.INTERRUPTED)
