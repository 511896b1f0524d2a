"""A pool of isolated processes: one process per task, forked or spawned.

The parent of a forked process may have imported TensorFlow, but must not have run an
operation or initialized a GPU. A spawned process starts from nothing, so its task
must be picklable. The memory of a task is released when its process ends. A task
whose process crashes or is killed is tried once more; after that it is reported as
failed with a reason, and the other tasks go on.

    pool = Pool(workers=2)
    for key, function, argument in tasks:
        pool.submit(key, function, argument)
    for outcome in pool.drain():
        ...
"""

from __future__ import annotations

import contextlib
import math
import multiprocessing
import os
import signal
import sys
import time
import traceback
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from multiprocessing import connection
from typing import Any, Literal

from pipeline.core.determinism import apply_pins
from pipeline.core.errors import UserError
from pipeline.core.garbage_collection import collect_rarely
from pipeline.engine.parent_watch import die_with_parent
from pipeline.engine.time_limits import EXCEEDED, TimeLimit

Method = Literal["fork", "spawn"]


@dataclass(frozen=True)
class Outcome:
    """The end of one task.

    Args:
        key: the key that the task was submitted under.
        value: the returned value; None for a failed task.
        error: the reason of the failure in one line, or None.
        exceeded: the time limit that the task exceeded, in minutes; default None.
    """

    key: Hashable
    value: Any = None
    error: str | None = None
    exceeded: float | None = None

    @property
    def failure(self) -> dict[str, Any]:
        """The result that records the failure, for JSON."""
        late = {} if self.exceeded is None else {EXCEEDED: self.exceeded}
        return {"status": "failed", "reason": self.error, **late}


def exceeded(key: Hashable, limit: TimeLimit) -> Outcome:
    """Return the outcome of a task that was ended at its time limit.

    Args:
        key: of the task.
        limit: that it exceeded.
    """
    return Outcome(key, error=limit.reason, exceeded=limit.minutes)


@dataclass(frozen=True)
class Task:
    """A call to be made in another process.

    Args:
        key: identifies the task to the caller.
        function: the function to call.
        args: its positional arguments.
        retries: how often the task may be repeated after it was lost; default 1.
    """

    key: Hashable
    function: Callable[..., Any]
    args: tuple[Any, ...]
    retries: int = 1


class TaskPool(ABC):
    """A queue of tasks, of which a limited number runs at once.

    Args:
        workers: maximum number of running tasks.
        limit: maximum time of a task, which then counts as failed; None without.
    """

    def __init__(self, workers: int, limit: TimeLimit | None = None):
        self.workers = workers
        self.limit = limit
        self.waiting: deque[Task] = deque()
        self.running: dict[Any, Any] = {}
        self.deadlines: dict[Any, float] = {}

    @abstractmethod
    def _start(self, task: Task) -> None:
        """Start a task and add it to `running`."""

    @abstractmethod
    def _ended(self) -> tuple[Task, Outcome, bool]:
        """Wait for a running task: the task, its outcome, and whether it was lost."""

    def submit(self, key: Hashable, function: Callable[..., Any], *args: Any) -> None:
        """Queue the call `function(*args)`; returns at once.

        Args:
            key: identifies the outcome of this task.
            function: the function to call; its value must be picklable.
            *args: its positional arguments.
        """
        self.waiting.append(Task(key, function, args))
        self._fill()

    def wait(self) -> Outcome:
        """Wait for the next task that ends.

        Returns:
            The outcome of the task.

        Raises:
            LookupError: when no task is left.
        """
        while self.running:
            task, outcome, lost = self._ended()
            retry = lost and task.retries > 0
            if retry:
                self.waiting.appendleft(replace(task, retries=task.retries - 1))
            self._fill()
            if not retry:
                return outcome
        raise LookupError("no task is running")

    def _patience(self) -> float | None:
        """Seconds until the first deadline; None without a limit."""
        first = min(self.deadlines.values())
        return max(0.0, first - time.monotonic()) if self.limit else None

    def _add(self, handle: Any, task: Any) -> None:
        """Add a task that was started to `running`, with its deadline."""
        seconds = self.limit.seconds if self.limit else math.inf
        self.running[handle] = task
        self.deadlines[handle] = time.monotonic() + seconds

    def _remove(self, handle: Any) -> Any:
        """Remove a task from `running`, with its deadline, and return it."""
        del self.deadlines[handle]
        return self.running.pop(handle)

    def _late(self) -> Any:
        """The running task with the first deadline."""
        return min(self.deadlines, key=self.deadlines.__getitem__)

    def drain(self) -> Iterator[Outcome]:
        """Yield the outcomes of all remaining tasks, in the order in which they end."""
        while self.running:
            yield self.wait()

    def _fill(self) -> None:
        while self.waiting and len(self.running) < self.workers:
            self._start(self.waiting.popleft())


class Pool(TaskPool):
    """Tasks in processes of this machine.

    Args:
        workers: maximum number of running processes.
        method: start method; with `fork`, tasks need not be picklable. Default `fork`.
        limit: maximum time of a task; default None.
    """

    def __init__(
        self, workers: int, method: Method = "fork", limit: TimeLimit | None = None
    ):
        super().__init__(workers, limit)
        self.context: Any = multiprocessing.get_context(method)

    def close(self) -> None:
        """End the running tasks, and forget those that wait."""
        self.waiting.clear()
        for receiver, (_, process) in self.running.items():
            process.kill()
            process.join()
            receiver.close()
        self.running.clear()
        self.deadlines.clear()

    def _start(self, task: Task) -> None:
        receiver, sender = self.context.Pipe(duplex=False)
        args = (sender, task, os.getpid())
        process = self.context.Process(target=_work, args=args)
        process.start()
        sender.close()
        self._add(receiver, (task, process))

    def _ended(self) -> tuple[Task, Outcome, bool]:
        ready: list[Any] = connection.wait(list(self.running), self._patience())
        receiver = ready[0] if ready else self._late()
        task, process = self._remove(receiver)
        if ready or self.limit is None:
            return task, *_receive(task, process, receiver)
        process.kill()
        process.join()
        receiver.close()
        return task, exceeded(task.key, self.limit), False


def _work(sender: connection.Connection, task: Task, parent: int) -> None:
    """Run the task and send its result."""
    die_with_parent(parent)
    try:
        sender.send(attempt(task.function, task.args))
    finally:
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()


def attempt(
    function: Callable[..., Any], args: tuple[Any, ...]
) -> tuple[Any, str | None, bool]:
    """Call a function and turn exceptions into a reason.

    Args:
        function: the function to call.
        args: its positional arguments.

    Returns:
        The value, the reason of a failure in one line or None, and True for a failure
        that a repetition may avoid: an error of memory or of the operating system.
    """
    try:
        apply_pins()  # a spawned process has not inherited them
        collect_rarely()
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
    except (EOFError, OSError):  # OSError: killed while sending a large value
        process.join()
        return Outcome(task.key, error=ending(process.exitcode)), True
    finally:
        receiver.close()
    process.join()
    return Outcome(task.key, value, error), lost


def ending(code: int) -> str:
    """Describe how a process without a result ended.

    Args:
        code: its exit code; negative for a signal.

    Returns:
        A reason such as `its process was ended by SIGSEGV`.
    """
    if code >= 0:
        return f"its process ended with code {code} and no result"
    name = signal.Signals(-code).name
    hint = " (out of memory, or killed)" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{hint}"


def _first_line(error: Exception) -> str:
    lines = str(error).strip().splitlines()
    return lines[0] if lines else "no message"
