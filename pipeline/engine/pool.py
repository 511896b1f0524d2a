"""A pool of isolated processes: one forked process per task.

The parent may have imported TensorFlow but must not have run an operation. A
task's memory goes back when its process ends; a crash or a kill is a failed
task with its reason, and the others go on.

    pool = Pool(workers=2)
    for key, function, argument in tasks:
        pool.submit(key, function, argument)
    for outcome in pool.drain():
        ...
"""

from __future__ import annotations

import contextlib
import multiprocessing
import signal
import sys
import traceback
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from multiprocessing import connection
from typing import Any

from pipeline.engine.errors import UserError
from pipeline.engine.lifetime import die_with_parent

FORK = multiprocessing.get_context("fork")


@dataclass(frozen=True)
class Outcome:
    """How one task ended: `error` is None, or its reason in one line."""

    key: Hashable
    value: Any = None
    error: str | None = None


class Pool:
    """At most `workers` tasks at once; `submit` never waits, `wait` does."""

    def __init__(self, workers: int):
        self.workers = workers
        self.waiting: deque[tuple[Hashable, Callable, tuple]] = deque()
        self.running: dict[connection.Connection, tuple[Hashable, Any]] = {}

    def submit(self, key: Hashable, function: Callable, *args: Any) -> None:
        """Queue `function(*args)`; its value must pickle, its arguments need not."""
        self.waiting.append((key, function, args))
        self._fill()

    def wait(self) -> Outcome:
        """The next task that ends.

        Raises:
            LookupError: when no task is left.
        """
        if not self.running:
            raise LookupError("no task is running")
        receiver = connection.wait(list(self.running))[0]
        key, process = self.running.pop(receiver)
        outcome = _receive(key, process, receiver)
        self._fill()
        return outcome

    def drain(self) -> Iterator[Outcome]:
        """Every task that is left, in the order in which they end."""
        while self.running:
            yield self.wait()

    def close(self) -> None:
        """Stop what is running and forget what is waiting."""
        self.waiting.clear()
        for _, process in self.running.values():
            process.kill()
        self.running.clear()

    def _fill(self) -> None:
        while self.waiting and len(self.running) < self.workers:
            key, function, args = self.waiting.popleft()
            receiver, sender = FORK.Pipe(duplex=False)
            process = FORK.Process(target=_task, args=(sender, function, args))
            process.start()
            sender.close()
            self.running[receiver] = (key, process)


def _task(sender: connection.Connection, function: Callable, args: tuple) -> None:
    die_with_parent()
    try:
        sender.send((function(*args), None))
    except UserError as error:
        sender.send((None, str(error)))
    except Exception as error:
        with contextlib.suppress(OSError):  # the disk of the log may be full
            traceback.print_exc()
        sender.send((None, f"{type(error).__name__}: {_first_line(error)}"))
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()


def _receive(key: Hashable, process: Any, receiver: connection.Connection) -> Outcome:
    try:
        value, error = receiver.recv()
    except EOFError:
        process.join()
        return Outcome(key, error=_ending(process.exitcode))
    finally:
        receiver.close()
    process.join()
    return Outcome(key, value, error)


def _ending(code: int) -> str:
    if code >= 0:
        return f"its process ended with code {code} and no result"
    name = signal.Signals(-code).name
    return f"its process was ended by {name}" + (
        " (out of memory, or killed)" if name == "SIGKILL" else ""
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"
