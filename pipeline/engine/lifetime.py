"""No orphans: a process that ends when the one that started it is gone."""

from __future__ import annotations

import os
import threading
import time

PERIOD = 0.5  # seconds between two looks at the parent


def die_with_parent() -> None:
    """End this process soon after its parent's, even after a kill -9."""
    watch = threading.Thread(target=_watch, args=(os.getppid(),), daemon=True)
    watch.start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PERIOD)
    os._exit(1)
