"""Exit codes of the command line, and of the exceptions that lead to them."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """Exit code of a command.

    Attributes:
        DONE: the command did what it was asked to.
        FAILED: a stage failed, or an unexpected error occurred.
        BAD_INPUT: wrong arguments, experiment file or data; also argparse's own code.
        OVER_BUDGET: the run is complete, and no variant meets the budget.
        NOT_REPRODUCED: the result differs from its lock, or from the other run.
        BUSY: another process is running the same experiment.
        INTERRUPTED: stopped by Ctrl-C or SIGTERM (128 + SIGINT).
    """

    DONE = 0
    FAILED = 1
    BAD_INPUT = 2
    OVER_BUDGET = 3
    NOT_REPRODUCED = 4
    BUSY = 5
    INTERRUPTED = 130
