"""An experiment and its results as hashes, read from a run or from its lock.

    experiments/digits/*/stage.json         published on this machine
    experiments/digits/experiment.lock      kept in git, see `lock_file`

Both become a Snapshot, so code that compares two of them compares runs and locks alike.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file
from pipeline.core.invocation import command
from pipeline.core.json_io import read_checked
from pipeline.engine.fingerprint import flatten
from pipeline.engine.plan import MetricsSchema
from pipeline.engine.run_record import read_run
from pipeline.engine.stage_record import Parts, read_record
from pipeline.reproduce import contents


@dataclass(frozen=True)
class Entry:
    """One stage: what its result depends on, and the result.

    Args:
        parts: the values that the fingerprint is the hash of.
        outputs: file -> hash.
        metrics: content of metrics.json.
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
    """All stages of one experiment in one environment.

    Args:
        name: the folder or lock file, for messages.
        entries: stage -> Entry, in the order of the chain.
        environment: as `pipeline.engine.environment.environment` gives it.
        folder: where the files are, if they exist on this disk.
        tolerance: stated by a lock, see `pipeline.reproduce.tolerance`.
    """

    name: str
    entries: Mapping[str, Entry]
    environment: Mapping[str, Any]
    folder: Path | None = None
    tolerance: Mapping[str, float] = field(default_factory=dict)

    def file(self, stage: str, name: str) -> Path | None:
        """The path of an output; None where the file does not exist."""
        path = self.folder / stage / name if self.folder else None
        return path if path and path.is_file() else None


def of_run(folder: Path, stages: tuple[str, ...]) -> Snapshot:
    """Read those of the given stages that are published in `folder`.

    Raises:
        UserError: when none is, a record was altered, or the stages were run
            in different environments.
    """
    published = [name for name in stages if (folder / name / "stage.json").is_file()]
    if not published:
        raise UserError(
            f"{folder}: no result yet; run: {command('run', folder=folder)}"
        )
    entries = {name: _entry(folder / name) for name in published}
    return Snapshot(str(folder), entries, _environment(folder, published), folder)


def rehashed(snapshot: Snapshot) -> Snapshot:
    """The same run with the hashes its files have now, instead of the recorded ones."""
    entries = {
        stage: replace(entry, outputs=_current_hashes(snapshot, stage, entry.outputs))
        for stage, entry in snapshot.entries.items()
    }
    return replace(snapshot, entries=entries)


def with_tensors(snapshot: Snapshot) -> Snapshot:
    """The same run with the hashes of all tensors in its weights files."""
    entries = {
        stage: replace(entry, tensors=_tensor_hashes(snapshot, stage))
        for stage, entry in snapshot.entries.items()
    }
    return replace(snapshot, entries=entries)


def nearest_recording(
    snapshots: Sequence[Snapshot], environment: Mapping[str, Any]
) -> Snapshot:
    """The snapshot whose environment differs in the fewest facts; the first of equals.

    Args:
        snapshots: at least one.
        environment: to be near to.
    """
    target = flatten(environment, "")

    def distance(snapshot: Snapshot) -> int:
        own = flatten(snapshot.environment, "")
        return sum(own.get(key) != target.get(key) for key in {*own, *target})

    return min(snapshots, key=distance)


def _current_hashes(
    snapshot: Snapshot, stage: str, names: Iterable[str]
) -> dict[str, str]:
    paths = {name: snapshot.file(stage, name) for name in names}
    return {name: hash_file(path) for name, path in paths.items() if path}


def _tensor_hashes(snapshot: Snapshot, stage: str) -> dict[str, dict[str, str]]:
    paths = {
        name: snapshot.file(stage, name)
        for name in snapshot.entries[stage].outputs
        if contents.has_locked_tensors(name)
    }
    return {name: contents.digests(path) for name, path in paths.items() if path}


def _entry(folder: Path) -> Entry:
    record = read_record(folder)
    return Entry(
        record["fingerprint"],
        record["parts"],
        record["outputs"],
        read_checked(folder / "metrics.json", MetricsSchema),
        git=_run_record(folder).get("git"),
    )


def _run_record(folder: Path) -> dict[str, Any]:
    try:
        return read_run(folder)
    except UserError:
        return {}


def _environment(folder: Path, stages: list[str]) -> dict[str, Any]:
    """The environment of all stages: equal but for libraries, which are merged."""
    whole: dict[str, Any] = {}
    for stage in stages:
        environment = _run_record(folder / stage).get("environment")
        if not environment:
            raise UserError(
                f"{folder / stage}/run.json: holds no environment; run it again: "
                f"{command('run', stage, '--force', folder=folder)}"
            )
        whole = _merged(whole, environment, folder / stage)
    return whole


def _merged(
    whole: dict[str, Any], environment: dict[str, Any], place: Path
) -> dict[str, Any]:
    earlier, libraries = whole.get("libraries", {}), environment["libraries"]
    merged = {**environment, "libraries": {**libraries, **earlier}}
    if whole and {**whole, "libraries": {**earlier, **libraries}} != merged:
        raise UserError(
            f"{place}: was run in another environment than the stages before it; "
            f"run all stages in one: {command('clean', folder=place.parent)}, then "
            f"{command('run', folder=place.parent)}"
        )
    return merged
