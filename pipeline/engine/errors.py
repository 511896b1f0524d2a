"""What can go wrong in a way that a user can mend, and its exit code."""

from __future__ import annotations

import difflib
import errno
import os
from collections.abc import Iterable

DISK_ERRORS = {
    errno.ENOSPC: "no space is left on the device",
    errno.EDQUOT: "the disk quota is used up",
    errno.EROFS: "the file system is read-only",
    errno.EACCES: "permission is denied",
    errno.EPERM: "the operation is not permitted",
}


class UserError(Exception):
    """Bad input: what was received, where, what is allowed, what to do."""

    exit_code = 2


class StageFailed(UserError):
    """A stage ended without a result; nothing of it was published."""

    exit_code = 1


class Busy(UserError):
    """Another process is running the same experiment."""

    exit_code = 5


def nearest(word: str, allowed: Iterable[str]) -> str:
    """A hint such as `; did you mean "epochs"?`, or nothing when none is near."""
    close = difflib.get_close_matches(word, list(allowed), n=1, cutoff=0.6)
    return f'; did you mean "{close[0]}"?' if close else ""


def from_os_error(error: OSError) -> UserError | None:
    """A plain message for a full disk or a forbidden folder, else None.

    Libraries wrap the operating system's error in their own, with its words
    inside and its number lost (HDF5 does), so the words count as well.
    """
    words = str(error).lower()
    for code, reason in DISK_ERRORS.items():
        if error.errno == code or os.strerror(code).lower() in words:
            where = error.filename or os.getcwd()
            return UserError(
                f"{where}: {reason}. Nothing published was changed: "
                "mend that and run the same command again"
            )
    return None
