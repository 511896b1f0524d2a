"""Write an experiment's lock, and verify published results against it.

In: a finished experiment. Out: experiment.lock, or how each stage compares with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.invocation import command
from pipeline.core.wording import quantity
from pipeline.engine.file_types import undeclared
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.lock import experiment_lock
from pipeline.engine.plan import plan, verify_outputs
from pipeline.engine.stage import Job, Stage
from pipeline.engine.stage_record import read_record
from pipeline.reproduce.comparison_result import ComparisonResult, compare
from pipeline.reproduce.lock_file import LOCK, read_lock, write_lock
from pipeline.reproduce.snapshot import Entry, Snapshot, of_run, with_tensors
from pipeline.reproduce.tolerance import read_tolerance


@dataclass(frozen=True)
class StageState:
    """How a published stage compares with the lock.

    Args:
        state: `equal`, `differs`, `damaged`, `missing` or `unknown`.
        text: details in a few words.
    """

    stage: str
    state: str
    text: str


def lock(
    job: Job, code: CodeReader, tolerance: Sequence[str] = (), add: bool = False
) -> tuple[Snapshot, ...]:
    """Record the published results as those that a run must give.

    Args:
        job: an experiment whose stages are all up to date.
        code: reads the pipeline's modules.
        tolerance: `["points=3"]`; what it does not name stays as the last lock states.
        add: keep the environments that are recorded, and add this one to them.

    Returns:
        One snapshot per environment that the lock now holds.

    Raises:
        UserError: when a stage is stale or publishes a file without stable bytes; for
            `add`, when the results are not those of the lock within its tolerance.
    """
    path = job.folder / LOCK
    with experiment_lock(job.folder):
        _require_current(job, code)
        _require_stable_files(job)
        run = of_run(job.folder, tuple(stage.name for stage in job.chain))
        snapshot = replace(with_tensors(run), tolerance=_tolerance(path, tolerance))
        snapshots = _added(path, snapshot) if add else (snapshot,)
        write_lock(path, snapshots)
    return snapshots


def verify(folder: Path, stages: Sequence[Stage]) -> list[StageState]:
    """Compare published stages with the lock, without running anything.

    Of several recorded environments, the one with the most equal stages counts.

    Args:
        folder: of the experiment.
        stages: of its chain.

    Raises:
        UserError: when the lock is missing or unreadable.
    """
    candidates = [
        [_compare_stage(folder, stage, recording) for stage in stages]
        for recording in read_lock(folder / LOCK)
    ]
    return max(candidates, key=lambda rows: sum(row.state == "equal" for row in rows))


def differing_outputs(outputs: Mapping[str, str], entry: Entry) -> list[str]:
    """Names of files whose hashes are not those of the entry."""
    names = sorted({*outputs, *entry.outputs})
    return [name for name in names if outputs.get(name) != entry.outputs.get(name)]


def _added(path: Path, snapshot: Snapshot) -> tuple[Snapshot, ...]:
    """The recordings of a lock, and a snapshot of another environment."""
    recordings = read_lock(path)
    first = replace(recordings[0], tolerance=snapshot.tolerance)
    _require_same_results(path, compare(first, snapshot))
    same = [r for r in recordings if r.environment == snapshot.environment]
    for recording in same:
        _require_equal_bits(path, compare(recording, snapshot))
    others = recordings[1:]
    return (first, *others) if same else (first, *others, snapshot)


def _require_same_results(path: Path, result: ComparisonResult) -> None:
    """Refuse a run that another environment does not explain."""
    unexplained = [
        item.text for item in result.differences if item.kind != "environment"
    ]
    unexplained += [f"{stage} is missing" for stage in result.missing]
    unexplained += [item.text for item in result.metrics.exceeded]
    if unexplained:
        raise UserError(
            f"{path}: --add records the same results in another environment, but "
            f"{unexplained[0]}; to replace the lock, leave out --add"
        )


def _require_equal_bits(path: Path, result: ComparisonResult) -> None:
    if not result.equal:
        stage, names = next(iter(result.files.items()))
        raise UserError(
            f"{path}: holds other bits of this same environment ({stage}: "
            f"{', '.join(names)}); to replace the lock, leave out --add"
        )


def _tolerance(path: Path, texts: Sequence[str]) -> dict[str, float]:
    """The tolerance that the last lock states, changed by `texts`."""
    try:
        stated = read_lock(path)[0].tolerance
    except UserError:
        stated = {}
    return read_tolerance(texts, stated)


def _require_current(job: Job, code: CodeReader) -> None:
    stale = [decision for decision in plan(job, job.chain, code) if not decision.cached]
    if stale:
        raise UserError(
            f"{job.folder}: {stale[0].stage} is {stale[0].state} ({stale[0].reason}); "
            f"a lock records a finished run: {command('run', folder=job.folder)}"
        )


def _require_stable_files(job: Job) -> None:
    for stage in job.chain:
        if names := undeclared(job.folder / stage.name, stage.volatile_files):
            raise UserError(
                f"{job.folder / stage.name}: {', '.join(names)}: neither of a kind "
                "whose bytes are stable nor declared volatile; see engine/content.py"
            )


def _compare_stage(folder: Path, stage: Stage, recording: Snapshot) -> StageState:
    entry = recording.entries.get(stage.name)
    if entry is None:
        return StageState(stage.name, "unknown", f"not in the lock; {_relock(folder)}")
    try:
        record = read_record(folder / stage.name)
    except UserError as error:
        return StageState(stage.name, "missing", str(error))
    state, text = _compare_record(folder, stage, record, entry)
    return StageState(stage.name, state, text)


def _compare_record(
    folder: Path, stage: Stage, record: dict[str, Any], entry: Entry
) -> tuple[str, str]:
    if names := differing_outputs(record["outputs"], entry):
        return "differs", f"{', '.join(names)}: not the result in the lock"
    if damaged := verify_outputs(folder / stage.name, record, stage):
        return "damaged", damaged
    if record["fingerprint"] != entry.fingerprint:
        return "differs", f"same files, from other code or settings; {_relock(folder)}"
    return "equal", quantity(len(entry.outputs), "file")


def _relock(folder: Path) -> str:
    return f"run: {command('lock', folder=folder)}"
