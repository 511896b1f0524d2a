"""experiment.lock: the expected results of an experiment, kept in git.

Once for all environments: the chain, the parameters and modules of each stage, the
digest of each module, the tolerance. Per environment, a recording: the environment
itself, the settings, and per stage the fingerprint, the hashes of inputs, outputs and
tensors, and the metrics. `lock` writes a file with one recording, `lock --add` appends
one.

    {"version": 1, "environment": {...}, "settings": {...}, "stages": {"train": {...}},
     "more_environments": [{"environment": {...}, "settings": {...}, "stages": {...}}]}

In: snapshots of one experiment, one per environment. Out: the file, and back again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.invocation import command
from pipeline.core.json_io import json_bytes, read_json
from pipeline.core.quoting import shown
from pipeline.core.safe_path import SafeFolder
from pipeline.engine.stage_record import Parts, fingerprint
from pipeline.reproduce.snapshot import Entry, Snapshot

LOCK = "experiment.lock"
VERSION = 1
MORE = "more_environments"


def read_lock(path: Path) -> tuple[Snapshot, ...]:
    """Read a lock: one snapshot per recorded environment, the oldest first.

    Raises:
        UserError: when it is missing, unreadable, of another version or altered.
    """
    if not path.is_file():
        raise UserError(f"{path}: no lock yet; make one with: {_lock(path)}")
    try:
        return tuple(_from_document(path, read_json(path)))
    except UserError:
        raise
    except Exception as error:  # whatever its wrong shape leads to
        reason = shown(f"{type(error).__name__}: {error}", 200)
        raise UserError(
            f"{path}: not a lock ({reason}); restore it from git, or run: {_lock(path)}"
        ) from None


def write_lock(path: Path, snapshots: Sequence[Snapshot]) -> None:
    """Write a lock under a hidden name, then replace the old one.

    Args:
        path: of the lock.
        snapshots: of one experiment, one per environment; chain, code, parameters and
            tolerance are taken from the first.
    """
    SafeFolder(path.parent).write(path.name, json_bytes(_document(snapshots)))


def _document(snapshots: Sequence[Snapshot]) -> dict[str, Any]:
    first, *others = snapshots
    parts = [entry.parts for entry in first.entries.values()]
    document = {
        "version": VERSION,
        "chain": list(first.entries),
        "settings": parts[0]["settings"],
        "tolerance": first.tolerance,
        "environment": first.environment,
        "code": {name: code for part in parts for name, code in part["code"].items()},
        "stages": {
            name: {**_shared(entry), **_recorded(entry)}
            for name, entry in first.entries.items()
        },
    }
    more = {MORE: [_recording(snapshot) for snapshot in others]} if others else {}
    return {**document, **more}


def _recording(snapshot: Snapshot) -> dict[str, Any]:
    entries = snapshot.entries.values()
    return {
        "environment": snapshot.environment,
        "settings": next(entry.parts["settings"] for entry in entries),
        "stages": {n: _recorded(entry) for n, entry in snapshot.entries.items()},
    }


def _shared(entry: Entry) -> dict[str, Any]:
    return {
        "params": entry.parts["params"],
        "sources": entry.parts["sources"],
        "modules": sorted(entry.parts["code"]),
    }


def _recorded(entry: Entry) -> dict[str, Any]:
    return {
        "fingerprint": entry.fingerprint,
        "inputs": entry.parts["inputs"],
        "libraries": entry.parts["libraries"],
        "outputs": entry.outputs,
        "metrics": entry.metrics,
        "tensors": entry.tensors,
    }


def _from_document(path: Path, lock: dict[str, Any]) -> Iterator[Snapshot]:
    if lock["version"] != VERSION:
        raise ValueError(f"version {lock['version']}, not {VERSION}")
    if not lock["chain"]:
        raise ValueError("it holds no stage")
    tolerance = {name: float(amount) for name, amount in lock["tolerance"].items()}
    if not all(map(math.isfinite, tolerance.values())):
        raise ValueError("a tolerance is not a finite number")
    for recording in (lock, *lock.get(MORE, ())):
        environment = recording["environment"]
        if not {"libraries", "pins", "processor"} <= set(environment):
            raise ValueError("its environment is incomplete")
        entries = {name: _entry(lock, recording, name) for name in lock["chain"]}
        yield Snapshot(str(path), entries, environment, tolerance=tolerance)


def _entry(lock: dict[str, Any], recording: dict[str, Any], name: str) -> Entry:
    shared, recorded = lock["stages"][name], recording["stages"][name]
    parts: Parts = {
        "params": shared["params"],
        "settings": recording["settings"],
        "inputs": recorded["inputs"],
        "sources": shared["sources"],
        "code": {module: lock["code"][module] for module in shared["modules"]},
        "libraries": recorded["libraries"],
    }
    if recorded["fingerprint"] != fingerprint(parts):
        raise ValueError(f"the fingerprint of {name} is not that of its parts")
    results = {key: dict(recorded[key]) for key in ("outputs", "metrics", "tensors")}
    return Entry(recorded["fingerprint"], parts, **results)


def _lock(path: Path) -> str:
    return command("lock", folder=path.parent)
