"""End a process when its parent has died, so that no orphans are left."""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import threading
import time

PR_SET_PDEATHSIG = 1  # option of prctl(2) on Linux
PERIOD = 0.5  # seconds between two checks of the parent


def die_with_parent(parent: int) -> None:
    """End this process soon after its parent, even after `kill -9`.

    Linux kills the process at once. Elsewhere a thread checks every half second,
    which a long import can delay.

    Args:
        parent: process id of the parent as it passed it on; if the parent has died
            already, this process ends now.
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
