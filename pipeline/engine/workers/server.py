"""A warm process that answers many small calls, one after the other.

It is for work that takes milliseconds in a process with TensorFlow loaded and must not
be done in the parent, such as building a model to count its weights. The process is
replaced when it dies, and after a fixed number of calls.

    helper = Helper(function)
    outcome = helper.ask(argument)
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
from collections.abc import Callable
from typing import Any

from pipeline.engine.parent_watch import die_with_parent
from pipeline.engine.time_limits import TimeLimit
from pipeline.engine.workers.pool import Method, Outcome, attempt, ending, exceeded

MAX_CALLS = 200  # after that the process is replaced, which releases its memory


class Helper:
    """A server of calls `function(*args)` in another process.

    Args:
        function: the function to call.
        method: start method, as for `pipeline.engine.workers.pool.Pool`; default
            `fork`.
        limit: maximum time of a call; default None.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        method: Method = "fork",
        limit: TimeLimit | None = None,
    ):
        self.function, self.limit = function, limit
        self.context: Any = multiprocessing.get_context(method)
        self.process: Any = None
        self.pipe: Any = None
        self.calls = 0

    def ask(self, *args: Any) -> Outcome:
        """Call the function and wait for its result.

        Args:
            *args: positional arguments; they must be picklable.

        Returns:
            The outcome, with the key None: a value, or the reason of the failure.
        """
        if self.process is None or self.calls >= MAX_CALLS:
            self._start()
        self.calls += 1
        try:
            self.pipe.send(args)
            if self.limit and not self.pipe.poll(self.limit.seconds):
                self.process.kill()
                self.process.join()
                self.process = None
                return exceeded(None, self.limit)
            value, error, _ = self.pipe.recv()
        except (EOFError, OSError):
            self.process.join()
            code, self.process = self.process.exitcode, None
            return Outcome(None, error=ending(code))
        return Outcome(None, value, error)

    def close(self) -> None:
        """End the process."""
        if self.process is not None:
            self.pipe.close()
            self.process.join()
            self.process = None

    def _start(self) -> None:
        self.close()
        self.calls = 0
        self.pipe, theirs = self.context.Pipe()
        args = (self.function, theirs, self.pipe, os.getpid())
        self.process = self.context.Process(target=_serve, args=args)
        self.process.start()
        theirs.close()


def _serve(function: Callable[..., Any], pipe: Any, other: Any, parent: int) -> None:
    die_with_parent(parent)
    other.close()  # or this process would not notice that the parent closed its end
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send(attempt(function, pipe.recv()))
