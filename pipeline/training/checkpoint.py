"""Checkpoints: everything a fit needs to resume bit for bit, in one file.

In: a folder that outlives the process. Out: `checkpoint.npz`. Random draws are
functions of (seed, epoch) and need no state; weights, optimizer moments, averages, the
best weights and the history are stored. A new file is written beside the old one and
takes its name once it is on disk, so that there are never more than two.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.engine.fsync import sync

FILE, PARTIAL = "checkpoint.npz", "checkpoint.partial"
META = "meta"
MAX_SHOWN = 90  # characters of a value in a message

Arrays = list[np.ndarray]


@dataclass
class State:
    """The progress of a fit.

    Args:
        history: records of the epochs so far, of all phases.
        phase: number of the current phase, from 0.
        groups: name -> arrays: `weights`, `optimizer`, `averages`, `best`.
    """

    history: list[dict[str, float]] = field(default_factory=list)
    phase: int = 0
    groups: dict[str, Arrays] = field(default_factory=dict)


def save(folder: Path, state: State, identity: Mapping[str, Any]) -> None:
    """Replace the checkpoint in `folder`.

    Args:
        folder: created if missing.
        state: what is saved.
        identity: JSON values that identify the fit; `load` refuses any other.

    Raises:
        OSError: if the disk is full; the old checkpoint is kept.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / PARTIAL
    arrays: dict[str, Any] = {**_named(state), META: _meta(state, identity)}
    try:
        with partial.open("wb") as file:
            np.savez(file, **arrays)
        sync(partial)
        partial.replace(folder / FILE)
        sync(folder)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def load(folder: Path, identity: Mapping[str, Any]) -> State | None:
    """Load the checkpoint in `folder`.

    Args:
        folder: where `save` wrote it.
        identity: JSON values that identify the fit.

    Returns:
        The state, or None if there is no checkpoint.

    Raises:
        UserError: if the file is damaged, or belongs to another model or fit.
    """
    path = folder / FILE
    if not path.exists():
        return None
    try:
        with np.load(path, allow_pickle=False) as arrays:
            meta = json.loads(str(arrays[META]))
            groups = {name: _group(arrays, name, n) for name, n in meta["groups"]}
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise UserError(
            f"{path}: not readable as a checkpoint ({error}); remove it to start over"
        ) from None
    _check(path, meta["identity"], json.loads(json.dumps(identity)))
    return State(meta["history"], meta["phase"], groups)


def finished_epochs(folder: Path) -> int:
    """Return how many epochs the checkpoint in `folder` has behind it.

    Args:
        folder: where `save` wrote it; without a readable checkpoint the result is 0.
    """
    try:
        with np.load(folder / FILE, allow_pickle=False) as arrays:
            return len(json.loads(str(arrays[META]))["history"])
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return 0


def describe(weights: Sequence[Any]) -> list[list[Any]]:
    """Describe weights by path, shape and dtype, which identifies their model."""
    return [[w.path, list(w.shape), str(w.dtype)] for w in weights]


def _named(state: State) -> dict[str, np.ndarray]:
    return {
        f"{name}/{index}": np.asarray(array)
        for name, arrays in state.groups.items()
        for index, array in enumerate(arrays)
    }


def _meta(state: State, identity: Mapping[str, Any]) -> np.ndarray:
    groups = [[name, len(arrays)] for name, arrays in state.groups.items()]
    values = {"history": state.history, "phase": state.phase, "groups": groups}
    return np.array(json.dumps({**values, "identity": identity}))


def _group(arrays: Any, name: str, count: int) -> Arrays:
    return [arrays[f"{name}/{index}"] for index in range(count)]


def _check(path: Path, saved: dict[str, Any], expected: dict[str, Any]) -> None:
    for key, value in expected.items():
        if saved.get(key) != value:
            raise UserError(
                f"{path}: the checkpoint belongs to another {key}: "
                f"{_abridged(saved.get(key))} instead of {_abridged(value)}; remove it "
                "to start over"
            )


def _abridged(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) < MAX_SHOWN else f"{text[: MAX_SHOWN - 3]}..."
