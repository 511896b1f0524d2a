"""Schedule of the checkpoints of one fit.

In: a folder that outlives the process, or None. Out: the state to resume from. The file
format is in `pipeline.training.checkpoint`.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from pipeline.training import checkpoint
from pipeline.training.checkpoint import Arrays, State
from pipeline.training.params import FitSettings


class CheckpointManager:
    """Saves and restores the checkpoints of one fit.

    Args:
        folder: holds the checkpoint; None disables checkpoints.
        model, settings, seed: identify the fit.
    """

    def __init__(
        self, folder: Path | None, model: keras.Model, settings: FitSettings, seed: int
    ):
        self.folder, self.seconds = folder, settings.checkpoint_seconds
        self.identity: dict[str, Any] = {
            "model": checkpoint.describe(model.weights),
            "fit": {"seed": seed, **settings.hashed()},
        }
        self.saved, self.epoch = time.monotonic(), 0

    def restore(self) -> State:
        """Return the saved state, or a new one if there is no checkpoint.

        Raises:
            UserError: if the checkpoint is damaged, or of another model or fit.
        """
        state = checkpoint.load(self.folder, self.identity) if self.folder else None
        self.epoch = len(state.history) if state else 0
        return state or State()

    def save(self, state: State, groups: Mapping[str, Arrays]) -> None:
        """Replace the checkpoint by `state`, with `groups` among its arrays."""
        if self.folder is None:
            return
        state.groups |= groups
        checkpoint.save(self.folder, state, self.identity)
        self.saved, self.epoch = time.monotonic(), len(state.history)

    def is_due(self, now: bool) -> bool:
        """Decide whether to save.

        Args:
            now: save at once, however recent the last checkpoint is.
        """
        elapsed = time.monotonic() - self.saved
        return self.folder is not None and (now or elapsed >= self.seconds)

    def last_good(self) -> str:
        """Describe the last checkpoint, for an error message."""
        path = self.folder and self.folder / checkpoint.FILE
        if not path or not path.exists():
            return "no checkpoint has been saved yet"
        return f"the last good checkpoint (epoch {self.epoch}) is {path}"
