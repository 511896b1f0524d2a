"""All that a fit needs to go on to the bit after a kill: one file, replaced whole.

In: a folder that outlives the process. What is drawn at random is a function of (seed,
epoch) and needs no state; weights, the optimizer's moments, averages, the best weights
and the history do. The new file is written beside the old one and takes its name when
it is on the disk: there are never more than two.
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
from pipeline.engine.publish import sync

FILE, PARTIAL = "checkpoint.npz", "checkpoint.partial"
META = "meta"

Arrays = list[np.ndarray]


@dataclass
class State:
    """Where a fit is.

    Args:
        rows: the history, of all phases.
        phase: the one that goes on, counted from 0.
        groups: name -> arrays: `weights`, `optimizer`, `averages`, `best`.
    """

    rows: list[dict[str, float]] = field(default_factory=list)
    phase: int = 0
    groups: dict[str, Arrays] = field(default_factory=dict)


def save(folder: Path, state: State, identity: Mapping[str, Any]) -> None:
    """Replace the checkpoint in `folder`.

    Args:
        identity: whose it is; `load` refuses it for another.

    Raises:
        OSError: when the disk is full; the old checkpoint is still there then.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / PARTIAL
    try:
        with partial.open("wb") as file:
            np.savez(file, **_named(state), **{META: _meta(state, identity)})
        sync(partial)
        partial.replace(folder / FILE)
        sync(folder)
    except OSError:
        partial.unlink(missing_ok=True)
        raise


def load(folder: Path, identity: Mapping[str, Any]) -> State | None:
    """The state in `folder`, or None where there is none.

    Raises:
        UserError: when it is damaged, or of another model or fit.
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
            f"{path}: not readable as a checkpoint ({error}); remove it to begin anew"
        ) from None
    _check(path, meta["identity"], json.loads(json.dumps(identity)))
    return State(meta["rows"], meta["phase"], groups)


def describe(weights: Sequence[Any]) -> list[list[Any]]:
    """What tells one model from another: names, shapes and types of its weights."""
    return [[w.path, list(w.shape), str(w.dtype)] for w in weights]


def _named(state: State) -> dict[str, np.ndarray]:
    return {
        f"{name}/{at}": np.asarray(array)
        for name, arrays in state.groups.items()
        for at, array in enumerate(arrays)
    }


def _meta(state: State, identity: Mapping[str, Any]) -> np.ndarray:
    groups = [[name, len(arrays)] for name, arrays in state.groups.items()]
    values = {"rows": state.rows, "phase": state.phase, "groups": groups}
    return np.array(json.dumps({**values, "identity": identity}))


def _group(arrays: Any, name: str, count: int) -> Arrays:
    return [arrays[f"{name}/{at}"] for at in range(count)]


def _check(path: Path, found: dict[str, Any], wanted: dict[str, Any]) -> None:
    for key in wanted:
        if found.get(key) != wanted[key]:
            raise UserError(
                f"{path}: a checkpoint of another {key}: {_first(found.get(key))} "
                f"instead of {_first(wanted[key])}; remove it to begin anew"
            )


def _first(value: Any) -> str:
    """The beginning of a value, for a message."""
    text = json.dumps(value)
    return text if len(text) < 90 else f"{text[:87]}..."
