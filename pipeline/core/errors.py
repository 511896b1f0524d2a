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
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, ClassVar

from pipeline.core.exit_codes import ExitCode
from pipeline.core.quoting import message

DISK_ERRORS = {
    errno.ENOSPC: "no space is left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "the operation is not permitted",
    errno.EIO: "the disk reports an input/output error",
    errno.EINTR: "a call of the operating system was interrupted",
    errno.EFBIG: "the file is larger than the file system or a limit allows",
    errno.EMFILE: "this process has too many open files",
    errno.ENFILE: "the system has too many open files",
    errno.ENAMETOOLONG: "the name is longer than the file system allows",
    errno.ELOOP: "too many symbolic links lead to each other",
}
WRITES = os.O_WRONLY | os.O_RDWR  # flags of a file that is opened for writing

# (minimum length of the word, minimum difflib ratio of a suggestion): one wrong
# letter in three is accepted, and two in seven; shorter words must match exactly.
SIMILARITY = ((4, 0.71), (3, 0.66), (0, 1.0))


class UserError(Exception):
    """Invalid input: the message says where, what was received and what is allowed.

    Its text is safe to print: names and values in it may come from anywhere.
    """

    exit_code: ClassVar[int] = ExitCode.BAD_INPUT

    def __str__(self) -> str:
        return message(super().__str__())


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
            place = error.filename or _last_written.path or os.getcwd()
            return UserError(
                f"{place}: {reason}; published results are unchanged. "
                "Fix this and run the same command again"
            )
    return None


@contextmanager
def naming(path: Path, always: bool = False) -> Iterator[None]:
    """Let an error of the operating system inside the block name a file.

    Writing to an open file, and forcing it to disk, raise errors without a name.

    Args:
        path: the file that is written.
        always: replace a name too, such as one relative to a handle; default False.
    """
    try:
        yield
    except OSError as error:
        if always or error.filename is None:
            error.filename = str(path)
        raise


class _LastWritten:
    """The file that this process last opened for writing; empty before the first."""

    path = ""
    watching = False

    def __call__(self, event: str, arguments: tuple[Any, ...]) -> None:
        """Handle an audit event of the interpreter."""
        if event != "open" or not isinstance(arguments[0], str | bytes | os.PathLike):
            return
        name, mode, flags = arguments
        writes = set(mode or "") & set("wax+") or (flags or 0) & WRITES
        if writes and (text := os.fsdecode(name)) != os.devnull:
            self.path = text


_last_written = _LastWritten()


def watch_written_files() -> None:
    """Remember the file that was last opened for writing, for messages.

    Libraries raise errors of a full disk without the name of the file. The hook of the
    interpreter cannot be removed, so only processes of this package install it.
    """
    if not _last_written.watching:
        _last_written.watching = True
        sys.addaudithook(_last_written)
