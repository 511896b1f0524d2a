"""One process that answers many small questions, one after the other.

For what takes milliseconds in a process that is warm and must not be done in the
parent, such as building a model without training it. A process that dies, or has
answered many, is replaced.

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
from pipeline.engine.workers.pool import Method, Outcome, attempt, ending

LIFE = 200  # answers, after which its memory goes back


class Helper:
    """Answers `function(*args)` in a process of its own.

    Args:
        method: as in `pipeline.engine.workers.pool.Pool`.
    """

    def __init__(self, function: Callable[..., Any], method: Method = "fork"):
        self.function = function
        self.context = multiprocessing.get_context(method)
        self.process: Any = None
        self.pipe: Any = None
        self.answers = 0

    def ask(self, *args: Any) -> Outcome:
        """The value, or the reason why there is none; it waits."""
        if self.process is None or self.answers >= LIFE:
            self._start()
        self.answers += 1
        try:
            self.pipe.send(args)
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
        self.answers = 0
        self.pipe, theirs = self.context.Pipe()
        args = (self.function, theirs, self.pipe, os.getpid())
        self.process = self.context.Process(target=_serve, args=args)
        self.process.start()
        theirs.close()


def _serve(function: Callable[..., Any], pipe: Any, other: Any, parent: int) -> None:
    die_with_parent(parent)
    other.close()  # else this process would never see that the parent closed it
    with contextlib.suppress(EOFError, OSError):
        while True:
            pipe.send(attempt(function, pipe.recv()))
