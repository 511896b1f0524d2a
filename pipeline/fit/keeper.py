"""When a checkpoint is written, whose it is, and which one is the last good one.

In: a folder that outlives the process, or none. Out: the state to go on from; the
file itself is `pipeline.fit.checkpoint`'s.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path

import keras

from pipeline.fit import checkpoint
from pipeline.fit.checkpoint import Arrays, State
from pipeline.fit.params import FitSettings


class Keeper:
    """The checkpoints of one fit.

    Args:
        folder: holds the checkpoint; None keeps none.
        model, settings, seed: tell this fit from others.
    """

    def __init__(
        self, folder: Path | None, model: keras.Model, settings: FitSettings, seed: int
    ):
        self.folder, self.seconds = folder, settings.checkpoint_seconds
        self.identity = {
            "model": checkpoint.describe(model.weights),
            "fit": {"seed": seed, **settings.hashed()},
        }
        self.saved, self.epoch = time.monotonic(), 0

    def begin(self) -> State:
        """The state that was kept, or that of the beginning.

        Raises:
            UserError: when the checkpoint is damaged, or of another model or fit.
        """
        found = self.folder and checkpoint.load(self.folder, self.identity)
        self.epoch = len(found.rows) if found else 0
        return found or State()

    def wants(self, now: bool) -> bool:
        """Whether to save: at once, or because the last time is long ago."""
        due = time.monotonic() - self.saved >= self.seconds
        return self.folder is not None and (now or due)

    def save(self, state: State, groups: Mapping[str, Arrays]) -> None:
        """Replace the checkpoint by the state with these arrays."""
        state.groups |= groups
        checkpoint.save(self.folder, state, self.identity)
        self.saved, self.epoch = time.monotonic(), len(state.rows)

    def last_good(self) -> str:
        """Where the last checkpoint is, in words."""
        path = self.folder and self.folder / checkpoint.FILE
        if not path or not path.exists():
            return "there is no checkpoint yet"
        return f"the last good checkpoint, of epoch {self.epoch}, is {path}"
