"""Progress messages of a running stage: lines of JSON through a pipe.

Forked workers inherit the pipe; a spawned worker receives it when this object is
pickled for it.
"""

from __future__ import annotations

import json
import os
from multiprocessing.reduction import DupFd
from typing import Any, TextIO


class Progress:
    """Sender of progress messages: `progress("epoch 3/60", done=3, total=60)`.

    Args:
        channel: writing end of the pipe, a line-buffered text file.
    """

    def __init__(self, channel: TextIO):
        self.channel = channel

    def __call__(
        self, text: str, done: int = 0, total: int = 0, result: bool = False
    ) -> None:
        """Send one message.

        Args:
            text: a few words for the terminal.
            done: number of finished steps; default 0.
            total: number of all steps; default 0, if it is unknown.
            result: a line that is shown in a pipe, too, however many there are; default
                False.
        """
        message = {"progress": text, "done": done, "total": total}
        message |= {"result": True} if result else {}
        self.channel.write(json.dumps(message) + "\n")

    def __reduce__(self) -> tuple[Any, ...]:
        """Pickle the file descriptor for a process that is being spawned."""
        return _reopen, (DupFd(self.channel.fileno()),)


def _reopen(descriptor: Any) -> Progress:
    return Progress(os.fdopen(descriptor.detach(), "w", buffering=1))
