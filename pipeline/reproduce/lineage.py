"""The origin of a file: found by its hash, and followed down to the data.

In: any file, a single .tflite included, and the folder of experiments. Out: the stage
and experiment that produced it, and every stage and hash before that one. Where results
are no longer published, the lock in git still holds the hashes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.hashing import SHORT, hash_file, hash_value
from pipeline.data import extension
from pipeline.reproduce.lock_file import LOCK, read_lock
from pipeline.reproduce.snapshot import Entry, Snapshot, of_run


@dataclass(frozen=True)
class Match:
    """Files of one stage, in a run or a lock, that have the hash in question."""

    snapshot: Snapshot
    stage: str
    files: tuple[str, ...]


def trace(path: Path, root: Path, stages: tuple[str, ...]) -> dict[str, Any]:
    """Find a file by its hash, and list the stages before it down to the data.

    Args:
        path: any file.
        root: the folder of experiments.
        stages: names of the stages, in the order of the chain.

    Returns:
        `file`, `hash`, `found` (places where the hash is recorded) and `chain` (one
        dictionary per stage, the data last).

    Raises:
        UserError: when the file cannot be read, or no record holds its hash.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; name one file of a result")
    digest = hash_file(path)
    matches = [
        match for read in snapshots(root, stages) for match in _matches(read, digest)
    ]
    if not matches:
        raise UserError(
            f"{path}: its hash {digest[:SHORT]}… is in no record and no lock below "
            f"{root}: the file was altered, or comes from elsewhere"
        )
    places = [
        f"{m.snapshot.name}: {m.stage}/{name}" for m in matches for name in m.files
    ]
    first = matches[0]
    chain = [
        _step(first.snapshot, name) for name in _ancestors(first.snapshot, first.stage)
    ]
    return {"file": str(path), "hash": digest, "found": places, "chain": chain}


def snapshots(root: Path, stages: tuple[str, ...]) -> Iterator[Snapshot]:
    """Read every run and lock below a folder of experiments; skip unreadable ones."""
    for folder in sorted(path.parent for path in root.glob("*/experiment.yaml")):
        earlier = sorted((folder / extension.FOLDER).glob("[0-9]*"))
        yield from _readable(partial(_run, folder, stages))
        yield from _readable(partial(read_lock, folder / LOCK))
        for kept in earlier:
            yield from _readable(partial(_run, kept, stages))


def lineage_text(facts: dict[str, Any]) -> Iterator[str]:
    """Format the result of `trace`: the file, its places, a line per stage."""
    yield f"{facts['file']}  {facts['hash']}"
    yield from (f"  in {place}" for place in facts["found"])
    for step in facts["chain"]:
        yield f"{step['stage']:<9} {step['fingerprint'][:SHORT]}  " + "  ".join(
            [f"outputs {step['outputs'][:SHORT]}", *_details(step)]
        )


def _run(folder: Path, stages: tuple[str, ...]) -> tuple[Snapshot, ...]:
    return (of_run(folder, stages),)


def _readable(read: Callable[[], tuple[Snapshot, ...]]) -> tuple[Snapshot, ...]:
    try:
        return read()
    except UserError:
        return ()


def _details(step: dict[str, Any]) -> Iterator[str]:
    reads = [f"{name} {digest[:SHORT]}" for name, digest in step["inputs"].items()]
    if reads:
        yield "reads " + ", ".join(reads)
    files = step["sources"]
    if step["source"] and step["source"] not in files:
        yield f"reads {step['source']}"
    for name, digest in files.items():
        yield f"reads {name} {digest[:SHORT] if digest else 'of unknown content'}"
    if step["git"]:
        dirty = " (with changes)" if step["git"]["dirty"] else ""
        yield f"commit {step['git']['commit'][:SHORT]}{dirty}"
    yield from step["problems"]


def _matches(snapshot: Snapshot, digest: str) -> Iterator[Match]:
    for stage, entry in snapshot.entries.items():
        files = tuple(n for n, value in entry.outputs.items() if value == digest)
        if files:
            yield Match(snapshot, stage, files)


def _ancestors(snapshot: Snapshot, stage: str) -> list[str]:
    """The stage and all stages that it depends on, the data last."""
    ancestors = {stage}
    backwards = list(reversed(list(snapshot.entries)))
    for name in backwards:
        if name in ancestors:
            ancestors |= set(snapshot.entries[name].parts["inputs"])
    return [name for name in backwards if name in ancestors]


def _step(snapshot: Snapshot, stage: str) -> dict[str, Any]:
    entry = snapshot.entries[stage]
    return {
        "stage": stage,
        "fingerprint": entry.fingerprint,
        "outputs": hash_value(dict(entry.outputs)),
        "inputs": dict(entry.parts["inputs"]),
        "source": entry.parts["params"].get("source"),
        "sources": dict(entry.parts["sources"]),
        "git": entry.git,
        "problems": list(_problems(snapshot, entry)),
    }


def _problems(snapshot: Snapshot, entry: Entry) -> Iterator[str]:
    """Inputs that are not what is published or locked now."""
    for name, digest in entry.parts["inputs"].items():
        current = snapshot.entries.get(name)
        if not current:
            yield f"{name} was removed"
        elif hash_value(dict(current.outputs)) != digest:
            yield f"{name} was run again since, with other bytes"
