"""A pool of isolated processes: one per task, forked, or spawned where asked for.

The parent of a forked process may have imported TensorFlow but must not have run an
operation, nor have begun to use a GPU; a spawned process begins with nothing, and its
task must pickle. A task's memory goes back when its process ends. A task whose
process dies, by a crash or a kill, is tried once more; then it is a failed task with
its reason, and the others go on.

    pool = Pool(workers=2)
    for key, function, argument in tasks:
        pool.submit(key, function, argument)
    for outcome in pool.drain():
        ...
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import connection
from typing import Any, Literal

from pipeline.core.errors import UserError
from pipeline.engine.parent_watch import die_with_parent

Method = Literal["fork", "spawn"]


@dataclass(frozen=True)
class Outcome:
    """How one task ended: `error` is None, or its reason in one line."""

    key: Hashable
    value: Any = None
    error: str | None = None


@dataclass(frozen=True)
class Task:
    """What is to be called, and how often that may still be tried again."""

    key: Hashable
    function: Callable[..., Any]
    args: tuple[Any, ...]
    retries: int = 1


class TaskPool(ABC):
    """At most `workers` tasks at once; `submit` never waits, `wait` does."""

    def __init__(self, workers: int):
        self.workers = workers
        self.waiting: deque[Task] = deque()
        self.running: dict[Any, Any] = {}

    @abstractmethod
    def _start(self, task: Task) -> None:
        """Put a task among those that run."""

    @abstractmethod
    def _ended(self) -> tuple[Task, Outcome, bool]:
        """Take the next one out: how it ended, and whether it was lost."""

    def submit(self, key: Hashable, function: Callable, *args: Any) -> None:
        """Queue `function(*args)`; its value must pickle."""
        self.waiting.append(Task(key, function, args))
        self._fill()

    def wait(self) -> Outcome:
        """The next task that ends.

        Raises:
            LookupError: when no task is left.
        """
        while self.running:
            task, outcome, lost = self._ended()
            again = lost and task.retries > 0
            if again:
                self.waiting.appendleft(replace(task, retries=task.retries - 1))
            self._fill()
            if not again:
                return outcome
        raise LookupError("no task is running")

    def drain(self) -> Iterator[Outcome]:
        """Every task that is left, in the order in which they end."""
        while self.running:
            yield self.wait()

    def _fill(self) -> None:
        while self.waiting and len(self.running) < self.workers:
            self._start(self.waiting.popleft())


class Pool(TaskPool):
    """Tasks in processes of this machine.

    Args:
        method: how they begin; what is forked need not pickle.
    """

    def __init__(self, workers: int, method: Method = "fork"):
        super().__init__(workers)
        self.context = multiprocessing.get_context(method)

    def _start(self, task: Task) -> None:
        receiver, sender = self.context.Pipe(duplex=False)
        given = (sender, task, os.getpid())
        process = self.context.Process(target=_work, args=given)
        process.start()
        sender.close()
        self.running[receiver] = (task, process)

    def _ended(self) -> tuple[Task, Outcome, bool]:
        receiver = connection.wait(list(self.running))[0]
        task, process = self.running.pop(receiver)
        return task, *_receive(task, process, receiver)


def _work(sender: connection.Connection, task: Task, parent: int) -> None:
    """Run the task and send what came of it."""
    die_with_parent(parent)
    try:
        sender.send(attempt(task.function, task.args))
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()


def attempt(function: Callable[..., Any], args: tuple[Any, ...]) -> tuple:
    """`(value, error, lost)`; lost is what another try may not meet again."""
    try:
        return function(*args), None, False
    except UserError as error:
        return None, str(error), False
    except Exception as error:
        reason = f"{type(error).__name__}: {_first_line(error)}"
        with contextlib.suppress(OSError):  # the disk of the log may be full
            traceback.print_exc()
        return None, reason, isinstance(error, OSError | MemoryError)


def _receive(
    task: Task, process: Any, receiver: connection.Connection
) -> tuple[Outcome, bool]:
    try:
        value, error, lost = receiver.recv()
    except (EOFError, OSError):  # the latter in the middle of a large value
        process.join()
        return Outcome(task.key, error=ending(process.exitcode)), True
    finally:
        receiver.close()
    process.join()
    return Outcome(task.key, value, error), lost


def ending(code: int) -> str:
    """How a process without a result ended, in words."""
    if code >= 0:
        return f"its process ended with code {code} and no result"
    name = signal.Signals(-code).name
    return f"its process was ended by {name}" + (
        " (out of memory, or killed)" if name == "SIGKILL" else ""
    )


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"
