"""What an experiment is and gave, by hashes: read from a run or from its lock.

    experiments/digits/experiment.lock      kept in git beside experiment.yaml
    experiments/digits/*/stage.json         what is published on this machine

Both become a Snapshot, so whatever compares two of them compares runs and locks
alike. A lock holds, per stage, the fingerprint and what it is made of, the hash of
every output and the metrics; and once for all stages the settings, the digest of
every module, the environment, and the hash of every tensor of the weights.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file
from pipeline.core.json_io import read_json, write_json
from pipeline.engine.stage_record import Parts, fingerprint, read_record
from pipeline.reproduce import contents

LOCK = "experiment.lock"
VERSION = 1


@dataclass(frozen=True)
class Entry:
    """One stage: what its result depends on, and what it is.

    Args:
        parts: what the fingerprint is made of.
        outputs: file -> hash.
        metrics: metrics.json.
        tensors: weights file -> tensor -> hash.
        git: commit and dirty flag of the run; None when unknown.
    """

    fingerprint: str
    parts: Parts
    outputs: Mapping[str, str]
    metrics: Mapping[str, Any]
    tensors: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    git: Mapping[str, Any] | None = None


@dataclass(frozen=True)
class Snapshot:
    """Entries in the order of the chain.

    Args:
        name: of the folder or lock, for the terminal.
        folder: where the files are, if anywhere.
        tolerance: what a lock states, see `pipeline.reproduce.tolerance`.
    """

    name: str
    entries: Mapping[str, Entry]
    environment: Mapping[str, Any]
    folder: Path | None = None
    tolerance: Mapping[str, float] = field(default_factory=dict)

    def file(self, stage: str, name: str) -> Path | None:
        """The path of an output, where it is there."""
        path = self.folder / stage / name if self.folder else None
        return path if path and path.is_file() else None


def of_run(folder: Path, stages: tuple[str, ...]) -> Snapshot:
    """What is published in `folder`, of those `stages` that are.

    Raises:
        UserError: when nothing is, a record was altered, or the stages were run
            in different environments.
    """
    there = [name for name in stages if (folder / name / "stage.json").is_file()]
    if not there:
        raise UserError(f"{folder}: no result yet; run: make all EXP={folder.name}")
    entries = {name: _entry(folder / name) for name in there}
    return Snapshot(str(folder), entries, _environment(folder, there), folder)


def of_lock(path: Path) -> Snapshot:
    """What a lock says.

    Raises:
        UserError: when it is missing, unreadable, of another version or altered.
    """
    if not path.is_file():
        raise UserError(f"{path}: no lock yet; make it with: make lock {_exp(path)}")
    try:
        return _from_document(path, read_json(path))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UserError(f"{path}: not a lock ({error!r}); {_again(path)}") from None


def write_lock(path: Path, snapshot: Snapshot) -> None:
    """Write a lock beside the old one, then put it in its place."""
    aside = path.with_suffix(f".{os.getpid()}")
    try:
        write_json(aside, _document(snapshot))
        aside.replace(path)
    finally:
        aside.unlink(missing_ok=True)


def as_it_is(snapshot: Snapshot) -> Snapshot:
    """A run with the hashes that its files have now, whatever was recorded."""
    entries = {
        stage: replace(entry, outputs=_now(snapshot, stage, entry.outputs))
        for stage, entry in snapshot.entries.items()
    }
    return replace(snapshot, entries=entries)


def _now(snapshot: Snapshot, stage: str, names: Iterable[str]) -> dict[str, str]:
    paths = {name: snapshot.file(stage, name) for name in names}
    return {name: hash_file(path) for name, path in paths.items() if path}


def with_tensors(snapshot: Snapshot) -> Snapshot:
    """The same, with the hashes of the tensors in its weights files."""
    entries = {
        stage: replace(entry, tensors=_digests(snapshot, stage))
        for stage, entry in snapshot.entries.items()
    }
    return replace(snapshot, entries=entries)


def _digests(snapshot: Snapshot, stage: str) -> dict[str, dict[str, str]]:
    files = [name for name in snapshot.entries[stage].outputs if contents.locked(name)]
    return {name: contents.digests(snapshot.folder / stage / name) for name in files}


def _entry(folder: Path) -> Entry:
    record = read_record(folder)
    keys = ("fingerprint", "parts", "outputs")
    metrics = read_json(folder / "metrics.json")
    return Entry(
        *(record[key] for key in keys), metrics, git=_run_facts(folder).get("git")
    )


def _run_facts(folder: Path) -> dict[str, Any]:
    try:
        facts = read_json(folder / "run.json")
    except UserError:
        return {}
    return facts if isinstance(facts, dict) else {}


def _environment(folder: Path, stages: list[str]) -> dict[str, Any]:
    """One environment of all stages: equal but for the libraries, which add up."""
    whole: dict[str, Any] = {}
    for stage in stages:
        found = _run_facts(folder / stage).get("environment")
        if not found:
            raise UserError(
                f"{folder / stage}/run.json: does not say in which environment it was "
                f"run; run it again: python -m pipeline run {stage} --force "
                f"--exp {folder.name}"
            )
        whole = _merged(whole, found, folder / stage)
    return whole


def _merged(
    whole: dict[str, Any], found: dict[str, Any], where: Path
) -> dict[str, Any]:
    libraries = {**whole.get("libraries", {}), **found["libraries"]}
    one = {**found, "libraries": {**found["libraries"], **whole.get("libraries", {})}}
    if whole and {**whole, "libraries": libraries} != one:
        raise UserError(
            f"{where}: was run in another environment than the stages before it; "
            "run all of them in one: make clean-exp, then make all"
        )
    return one


def _document(snapshot: Snapshot) -> dict[str, Any]:
    parts = [entry.parts for entry in snapshot.entries.values()]
    return {
        "version": VERSION,
        "chain": list(snapshot.entries),
        "settings": parts[0]["settings"],
        "tolerance": snapshot.tolerance,
        "environment": snapshot.environment,
        "code": {name: code for part in parts for name, code in part["code"].items()},
        "stages": {name: _stage(entry) for name, entry in snapshot.entries.items()},
    }


def _stage(entry: Entry) -> dict[str, Any]:
    parts = entry.parts
    return {
        "fingerprint": entry.fingerprint,
        "params": parts["params"],
        "inputs": parts["inputs"],
        "sources": parts["sources"],
        "libraries": parts["libraries"],
        "modules": sorted(parts["code"]),
        "outputs": entry.outputs,
        "metrics": entry.metrics,
        "tensors": entry.tensors,
    }


def _from_document(path: Path, lock: dict[str, Any]) -> Snapshot:
    if lock["version"] != VERSION:
        raise ValueError(f"version {lock['version']}, not {VERSION}")
    entries = {name: _locked(lock, lock["stages"][name]) for name in lock["chain"]}
    for name, entry in entries.items():
        if entry.fingerprint != fingerprint(entry.parts):
            raise ValueError(f"the fingerprint of {name} is not that of its parts")
    if not {"libraries", "pins", "processor"} <= set(lock["environment"]):
        raise ValueError("its environment is incomplete")
    stated = {name: float(amount) for name, amount in lock["tolerance"].items()}
    return Snapshot(str(path), entries, lock["environment"], tolerance=stated)


def _locked(lock: dict[str, Any], stage: dict[str, Any]) -> Entry:
    names = ("params", "inputs", "sources", "libraries")
    parts = {key: stage[key] for key in names}
    parts["settings"] = lock["settings"]
    parts["code"] = {name: lock["code"][name] for name in stage["modules"]}
    rest = {key: dict(stage[key]) for key in ("outputs", "metrics", "tensors")}
    return Entry(stage["fingerprint"], parts, **rest)


def _exp(path: Path) -> str:
    return f"EXP={path.parent.name}"


def _again(path: Path) -> str:
    return f"take it from git again, or: make lock {_exp(path)}"
