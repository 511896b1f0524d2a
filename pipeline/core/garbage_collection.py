"""Garbage collection at the scale of programs that trace graphs.

Python's collector starts after 700 new objects. Building a TensorFlow graph makes
hundreds of thousands, beside the million of the imported libraries, which each full
collection visits: about a third of the time of small models.
"""

from __future__ import annotations

import gc

THRESHOLDS = (50_000, 10, 10)


def pause_collection() -> None:
    """Collect nothing until `collect_rarely`: what an import makes stays.

    To be called before the imports, which take a sixth less time without collections.
    """
    gc.disable()


def collect_rarely() -> None:
    """Leave out what exists, and collect once per 50,000 new objects.

    To be called after the imports, in each process that builds models; a second call
    does nothing.
    """
    if gc.get_threshold() == THRESHOLDS:
        return
    gc.collect()
    gc.freeze()
    gc.set_threshold(*THRESHOLDS)
    gc.enable()
