"""How an epoch is divided into calls of TensorFlow, and how fast the calls are.

In: the settings and the batch source. Out: ranges of steps, and a dictionary with the
seconds to the first step, examples per second, and the execution settings.
"""

from __future__ import annotations

import time
from typing import Any

import tensorflow as tf

from pipeline.training.batches import BatchSource, is_on_disk
from pipeline.training.epoch import PREFETCHED
from pipeline.training.params import FitSettings

FIRST = "seconds_to_first_step"


class ThroughputMeter:
    """Plans and times the calls of a fit; its clock starts now.

    Args:
        settings: `steps_per_execution` and `jit_compile`.
        source: batches of the training split.
        report: receives the measurements.
    """

    def __init__(
        self, settings: FitSettings, source: BatchSource, report: dict[str, Any]
    ):
        self.settings, self.source, self.report = settings, source, report
        self.started = time.monotonic()

    def calls(self) -> list[tuple[int, int]]:
        """Return the range of steps of each call of an epoch.

        The first step of a fit is a call of its own, so that it can be timed.
        """
        steps = self.source.steps
        begins = list(range(0, steps, self.settings.steps_per_execution or steps))
        if FIRST not in self.report and steps > 1:
            begins = sorted({*begins, 1})
        return list(zip(begins, [*begins[1:], steps]))

    def record(self, begin: float, steps: int) -> None:
        """Record the time to the first step, then the fastest call.

        Args:
            begin: start of the call, from `time.monotonic`.
            steps: steps in the call.
        """
        now = time.monotonic()
        if FIRST not in self.report:
            self.report |= {FIRST: now - self.started, **self._execution()}
            return
        rate = steps * self.source.size / (now - begin)
        fastest = max(rate, self.report.get("examples_per_second", 0.0))
        self.report["examples_per_second"] = fastest

    def _execution(self) -> dict[str, Any]:
        """Return the execution settings in effect."""
        stored = "file" if is_on_disk(self.source.split.x) else "memory"
        return {
            "steps_per_execution": self.settings.steps_per_execution
            or self.source.steps,
            "examples_in": stored,
            "batches_ahead": PREFETCHED,
            "threads": tf.config.threading.get_intra_op_parallelism_threads(),
            "jit_compile": self.settings.jit_compile,
        }
