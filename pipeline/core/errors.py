"""Errors that a user can fix, and the exit codes of the command line.

| code | meaning | raised as |
|---|---|---|
| 0 | success | |
| 1 | a stage failed; nothing was published, its log is kept | `StageFailed` |
| 2 | invalid input | `UserError` |
| 3 | no variant meets the budget; the results are published | |
| 4 | not reproduced, or a comparison found differences | |
| 5 | another process is running the same experiment | `Busy` |
| 130 | interrupted | `KeyboardInterrupt` |

An exception carries its code in its class; 3 and 4 are results, not errors.
"""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable
from typing import ClassVar

from pipeline.core.exit_codes import ExitCode

DISK_ERRORS = {
    errno.ENOSPC: "no space is left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "the operation is not permitted",
}

# (minimum length of the word, minimum difflib ratio of a suggestion): one wrong
# letter in three is accepted, and two in seven; shorter words must match exactly.
SIMILARITY = ((4, 0.71), (3, 0.66), (0, 1.0))


class UserError(Exception):
    """Invalid input: the message says where, what was received and what is allowed."""

    exit_code: ClassVar[int] = ExitCode.BAD_INPUT


class StageFailed(UserError):
    """A stage ended without a result; nothing was published."""

    exit_code = ExitCode.FAILED


class Busy(UserError):
    """Another process is running the same experiment."""

    exit_code = ExitCode.BUSY


def error_with_code(message: str, exit_code: int) -> UserError:
    """Rebuild an error that came from another process.

    Args:
        message: the text of the original error.
        exit_code: the exit code of the original error's class.

    Returns:
        An instance of the class with this exit code; `StageFailed` for an unknown one.
    """
    classes = {kind.exit_code: kind for kind in (UserError, StageFailed, Busy)}
    return classes.get(exit_code, StageFailed)(message)


def did_you_mean(word: str, allowed: Iterable[str]) -> str:
    """Suggest the allowed name that a misspelt word probably meant.

    Typing errors, a different case and the beginning of a name are recognized; words
    of one or two letters only by a different case.

    Args:
        word: the name that was received.
        allowed: the valid names.

    Returns:
        `; did you mean "epochs"?`, or an empty text when no name is similar.
    """
    names = {name.lower(): name for name in map(str, allowed)}
    typed = word.lower()
    cutoff = next(ratio for length, ratio in SIMILARITY if len(typed) >= length)
    prefixed = [name for name in names if len(typed) > 2 and name.startswith(typed)]
    similar = difflib.get_close_matches(typed, names, n=1, cutoff=cutoff) or prefixed
    return f'; did you mean "{names[similar[0]]}"?' if similar else ""


def from_os_error(error: OSError) -> UserError | None:
    """Translate a full disk or a forbidden folder into a `UserError`.

    Libraries such as HDF5 wrap the operating system's error: they keep its text and
    lose its number. So the text is searched too.

    Args:
        error: any error of the operating system.

    Returns:
        An error for the user, or None when `error` has another cause.
    """
    text = str(error).lower()
    for code, reason in DISK_ERRORS.items():
        if error.errno == code or os.strerror(code).lower() in text:
            place = error.filename or os.getcwd()
            return UserError(
                f"{place}: {reason}; published results are unchanged. "
                "Fix this and run the same command again"
            )
    return None
