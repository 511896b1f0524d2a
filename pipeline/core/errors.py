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

# Letters of a word -> how alike a hint must be, as difflib counts it: one letter of
# three may differ, two of seven.
SIMILAR = ((4, 0.71), (3, 0.66), (0, 1.0))


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
    """A hint such as `; did you mean "epochs"?`, or nothing when none is near.

    Near is a slip of the keys, another case, or the beginning of a word; of words of
    two letters only another case.
    """
    plain = {name.lower(): name for name in map(str, allowed)}
    asked = word.lower()
    cutoff = next(least for letters, least in SIMILAR if len(asked) >= letters)
    begun = [name for name in plain if len(asked) > 2 and name.startswith(asked)]
    close = difflib.get_close_matches(asked, plain, n=1, cutoff=cutoff) or begun
    return f'; did you mean "{plain[close[0]]}"?' if close else ""


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
