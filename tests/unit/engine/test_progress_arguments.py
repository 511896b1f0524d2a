"""A stage reports progress in the same way whoever listens."""

from __future__ import annotations

import inspect

from pipeline.engine.progress import Progress
from pipeline.engine.stage import silent


def test_what_can_be_sent_can_be_ignored():
    _, *sent = inspect.signature(Progress.__call__).parameters.values()
    assert list(inspect.signature(silent).parameters.values()) == sent
