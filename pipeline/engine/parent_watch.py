"""No orphans: a process that ends when the one that started it is gone."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1  # of Linux's prctl(2)
PERIOD = 0.5  # seconds between two looks at the parent


def die_with_parent(parent: int) -> None:
    """End this process soon after its parent's, even after a kill -9.

    Linux does it at once; elsewhere a thread looks, which an import can keep waiting.

    Args:
        parent: who it was when this process began; it may be gone already.
    """
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    threading.Thread(target=_watch, args=(parent,), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PERIOD)
    os._exit(1)
