"""Where a file comes from: looked up by its hash, followed down to the data.

In: any file, a lone .tflite included, and the folder of experiments. Out: which
stage of which experiment gave it, and every stage and hash before that one. Where
nothing is published any more, the lock that is kept in git still knows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.data import extension
from pipeline.core.errors import UserError
from pipeline.core.hashing import SHORT, hash_file, hash_value
from pipeline.reproduce.snapshot import LOCK, Entry, Snapshot, of_lock, of_run


@dataclass(frozen=True)
class Found:
    """A file with the hash that was asked for, in a run or a lock."""

    snapshot: Snapshot
    stage: str
    files: tuple[str, ...]


def lineage(path: Path, root: Path, stages: tuple[str, ...]) -> dict[str, Any]:
    """The file's hash, where it stands recorded, and the chain down to the data.

    Raises:
        UserError: when it cannot be read, or no record has this hash.
    """
    if not path.is_file():
        raise UserError(f"{path}: no such file; give one artifact")
    digest = hash_file(path)
    found = [hit for each in snapshots(root, stages) for hit in _hits(each, digest)]
    if not found:
        raise UserError(
            f"{path}: its hash {digest[:SHORT]}… is in no record and no lock below "
            f"{root}: it was altered, or made elsewhere"
        )
    places = [f"{f.snapshot.name}: {f.stage}/{name}" for f in found for name in f.files]
    first = found[0]
    chain = [
        _step(first.snapshot, name) for name in _before(first.snapshot, first.stage)
    ]
    return {"file": str(path), "hash": digest, "found": places, "chain": chain}


def snapshots(root: Path, stages: tuple[str, ...]) -> Iterator[Snapshot]:
    """Every run and lock below a folder of experiments; broken ones are skipped."""
    for folder in sorted(path.parent for path in root.glob("*/experiment.yaml")):
        reads = [lambda: of_run(folder, stages), lambda: of_lock(folder / LOCK)]
        for kept in sorted((folder / extension.FOLDER).glob("[0-9]*")):
            reads.append(lambda kept=kept: of_run(kept, stages))
        for read in reads:
            try:
                yield read()
            except UserError:
                continue


def text(facts: dict[str, Any]) -> Iterator[str]:
    """One line for the file, one for each place, one a stage, the data last."""
    yield f"{facts['file']}  {facts['hash']}"
    yield from (f"  in {place}" for place in facts["found"])
    for step in facts["chain"]:
        yield f"{step['stage']:<9} {step['fingerprint'][:SHORT]}  " + "  ".join(
            [f"outputs {step['outputs'][:SHORT]}", *_details(step)]
        )


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


def _hits(snapshot: Snapshot, digest: str) -> Iterator[Found]:
    for stage, entry in snapshot.entries.items():
        files = tuple(n for n, value in entry.outputs.items() if value == digest)
        if files:
            yield Found(snapshot, stage, files)


def _before(snapshot: Snapshot, stage: str) -> list[str]:
    """The stage and all that it was made from, the data last."""
    needed = {stage}
    for name in reversed(snapshot.entries):
        if name in needed:
            needed |= set(snapshot.entries[name].parts["inputs"])
    return [name for name in reversed(snapshot.entries) if name in needed]


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
    """Inputs that are not what stands there now."""
    for name, digest in entry.parts["inputs"].items():
        now = snapshot.entries.get(name)
        if not now:
            yield f"{name} is gone"
        elif hash_value(dict(now.outputs)) != digest:
            yield f"{name} was made again since, with other bytes"
