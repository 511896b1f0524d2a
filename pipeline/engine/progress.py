"""Progress messages of a running stage, one JSON object a line, through a pipe.

Forked processes of a pool inherit the pipe; for spawned ones it is sent along when
this object is pickled.
"""

from __future__ import annotations

import json
import os
from multiprocessing.reduction import DupFd
from typing import Any


class Progress:
    """`progress("epoch 3/60", done=3, total=60)`.

    Args:
        channel: the pipe's end, a text file that writes whole lines.
    """

    def __init__(self, channel: Any):
        self.channel = channel

    def __call__(self, text: str, done: int = 0, total: int = 0) -> None:
        """Send a message."""
        message = {"progress": text, "done": done, "total": total}
        self.channel.write(json.dumps(message) + "\n")

    def __reduce__(self) -> tuple[Any, ...]:
        return _again, (DupFd(self.channel.fileno()),)


def _again(descriptor: Any) -> Progress:
    return Progress(os.fdopen(descriptor.detach(), "w", buffering=1))
