"""How an epoch is cut into calls of TensorFlow, and how fast they are.

In: the settings and the feed. Out: ranges of steps, and a dictionary that is told the
seconds to the first step, examples a second, and what was chosen.
"""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf

from pipeline.fit.batches import Feed, is_whole_file
from pipeline.fit.epoch import AHEAD
from pipeline.fit.params import FitSettings

FIRST = "seconds_to_first_step"


class Pace:
    """The calls of a fit.

    Args:
        told: is told how fast it went; its clock begins now.
    """

    def __init__(self, settings: FitSettings, feed: Feed, told: dict[str, Any]):
        self.settings, self.feed, self.told = settings, feed, told
        self.started = time.monotonic()

    def calls(self) -> list[tuple[int, int]]:
        """Which steps go into one call; the very first goes alone, to be timed."""
        steps, most = self.feed.steps, self.settings.steps_per_call
        begins = list(range(0, steps, most or steps))
        if FIRST not in self.told and steps > 1:
            begins = sorted({*begins, 1})
        return list(zip(begins, [*begins[1:], steps]))

    def clock(self, begin: float, steps: int) -> None:
        """Keep the time to the first step, and the best rate of a call.

        Args:
            begin: of the call, as `time.monotonic` tells it.
        """
        now = time.monotonic()
        if FIRST not in self.told:
            self.told |= {FIRST: now - self.started, **self._choices()}
            return
        rate = steps * self.feed.size / (now - begin)
        best = max(rate, self.told.get("examples_per_second", 0.0))
        self.told["examples_per_second"] = best

    def _choices(self) -> dict[str, Any]:
        """How it runs: by rule, unless the settings say otherwise."""
        return {
            "steps_per_call": self.settings.steps_per_call or self.feed.steps,
            "examples_in": "file" if is_whole_file(self.feed.split.x) else "memory",
            "batches_ahead": AHEAD,
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "jit": self.settings.jit,
        }
