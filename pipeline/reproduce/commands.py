"""The verbs of the proof: lock, verify, reproduce, diff, lineage.

Exit codes: 0 equal or within tolerance, 4 not reproduced.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from contextlib import ExitStack, chdir
from dataclasses import replace
from pathlib import Path
from typing import Any

from pipeline.cli.parser import open_job
from pipeline.cli.parser import overrides_of as all_sets
from pipeline.core.base_path import base
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.file_types import undeclared
from pipeline.core.errors import UserError
from pipeline.engine.fingerprint import describe
from pipeline.engine.environment import requirements
from pipeline.engine.lock import experiment_lock
from pipeline.engine.plan import damage, plan
from pipeline.engine.stage_record import fingerprint, read_record
from pipeline.engine.runner import CODE_ROOT, Runner
from pipeline.engine.stage import Job
from pipeline.engine.terminal import line
from pipeline.experiment.loader import check_name, experiment_folder
from pipeline.experiment.stages import CHAIN
from pipeline.reproduce import lineage as lines_of
from pipeline.reproduce.causes import Cause, causes
from pipeline.reproduce.outcome import (
    EXIT_DIFFERENT,
    Outcome,
    compare,
    row,
    table,
    verdict,
)
from pipeline.reproduce.rerun import Comparing, elsewhere
from pipeline.reproduce.snapshot import (
    LOCK,
    Entry,
    Snapshot,
    as_it_is,
    of_lock,
    of_run,
    with_tensors,
    write_lock,
)
from pipeline.reproduce.tolerance import read_tolerance


def lock(arguments: argparse.Namespace) -> int:
    """Record what is published as what a run must give."""
    job, code = open_job(arguments)
    with experiment_lock(job.folder):
        _refuse_stale(job, code)
        _refuse_undeclared(job)
        path = job.folder / LOCK
        stated = _tolerance(path, arguments.tolerance)
        run = of_run(job.folder, tuple(stage.name for stage in job.chain))
        snapshot = replace(with_tensors(run), tolerance=stated)
        write_lock(path, snapshot)
    files = sum(len(entry.outputs) for entry in snapshot.entries.values())
    print(f"{path}: {len(snapshot.entries)} stages, {files} files; keep it in git")
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Compare what is published with the lock; nothing is run.

    Raises:
        UserError: for overrides: neither the files nor the lock would be others.
    """
    if sets := all_sets(arguments):
        raise UserError(
            f"verify --set {sets[0]}: verify reads what is published and the lock, and "
            "no setting; leave it out, or: python -m pipeline reproduce --set …"
        )
    folder = experiment_folder(arguments.root, arguments.exp)
    locked = of_lock(folder / LOCK)
    found = {s.name: _published(folder, s, locked) for s in CHAIN}
    for name, (state, text) in found.items():
        print(line(name, state, "", text))
    equal = all(state == "equal" for state, _ in found.values())
    return 0 if equal else EXIT_DIFFERENT


def reproduce(arguments: argparse.Namespace) -> int:
    """Run from scratch in another place, and compare with the lock."""
    job, code = open_job(arguments)
    stages = tuple(stage.name for stage in job.upto((arguments.stage,)))
    if arguments.twice:
        return _twice(job, arguments, stages)
    before = _cut(of_lock(job.folder / LOCK), stages)
    if early := _another_question(before, job, code, stages):
        return _refuse(early, before.name)
    with ExitStack() as stack:
        after = _rerun(job, arguments, stack, stages, before)
        return _tell(compare(before, after), _reference(job, stages))


def _twice(job: Job, arguments: argparse.Namespace, stages: tuple[str, ...]) -> int:
    with ExitStack() as stack:
        print("the first run, which the second is compared with")
        before = _rerun(job, arguments, stack, stages, None)
        print("the second run")
        after = _rerun(job, arguments, stack, stages, before)
        return _tell(compare(before, after), before)


def _tell(outcome: Outcome, reference: Snapshot | None) -> int:
    for text in [*table(outcome, reference), *verdict(outcome)]:
        print(text)
    return outcome.exit_code


def diff(arguments: argparse.Namespace) -> int:
    """What differs between two runs, or a run and its lock, and why."""
    before = _side(arguments.before, arguments.root)
    other = arguments.after or str(Path(arguments.before) / LOCK)
    after = _side(other, arguments.root)
    if not arguments.after:
        before, after = after, before
    outcome = compare(before, after)
    for text in table(outcome):
        print(text)
    if outcome.equal and not outcome.causes:
        print(f"{before.name} and {after.name} are equal")
    return 0 if outcome.equal else EXIT_DIFFERENT


def lineage(arguments: argparse.Namespace) -> int:
    """The chain of stages and hashes from a file down to the data."""
    stages = tuple(stage.name for stage in CHAIN)
    facts = lines_of.lineage(arguments.file, arguments.root, stages)
    if arguments.json:
        print(json.dumps(facts, indent=2, sort_keys=True))
    else:
        print("\n".join(lines_of.text(facts)))
    return 0


def _tolerance(path: Path, texts: list[str]) -> dict[str, float]:
    """What the lock before this one stated, changed by the options."""
    try:
        stated = of_lock(path).tolerance
    except UserError:
        stated = {}
    return read_tolerance(texts, stated)


def _refuse_stale(job: Job, code: CodeReader) -> None:
    stale = [d for d in plan(job, job.chain, code) if not d.cached]
    if stale:
        raise UserError(
            f"{job.folder}: {stale[0].stage} is {stale[0].state} ({stale[0].reason}); "
            f"a lock records a finished run: make all EXP={job.folder.name}"
        )


def _refuse_undeclared(job: Job) -> None:
    for stage in job.chain:
        if names := undeclared(job.folder / stage.name, stage.not_content):
            raise UserError(
                f"{job.folder / stage.name}: {', '.join(names)}: neither of a kind "
                "whose bytes are stable nor declared volatile; see engine/content.py"
            )


def _published(folder: Path, stage: Any, locked: Snapshot) -> tuple[str, str]:
    """How a published stage compares with the lock, in a word and a line."""
    entry = locked.entries.get(stage.name)
    if entry is None:
        return "unknown", "is not in the lock; make lock"
    try:
        record = read_record(folder / stage.name)
    except UserError as error:
        return "missing", str(error)
    if record["outputs"] != dict(entry.outputs):
        names = _unequal(record["outputs"], entry)
        return "differs", f"{', '.join(names)}: another result than the lock's"
    if hurt := damage(folder / stage.name, record, stage):
        return "damaged", hurt
    if record["fingerprint"] != entry.fingerprint:
        return "differs", "the same files, made by other code or settings; make lock"
    return "equal", f"{len(entry.outputs)} files"


def _unequal(outputs: dict[str, str], entry: Entry) -> list[str]:
    names = sorted({*outputs, *entry.outputs})
    return [name for name in names if outputs.get(name) != entry.outputs.get(name)]


def _cut(lock: Snapshot, stages: tuple[str, ...]) -> Snapshot:
    """A lock of these stages alone, with the libraries that they need."""
    kept = {name: entry for name, entry in lock.entries.items() if name in stages}
    if len(kept) == len(lock.entries):
        return lock
    roots = {name for entry in kept.values() for name in entry.parts["libraries"]}
    needed = requirements(roots)
    versions = lock.environment["libraries"].items()
    libraries = {name: version for name, version in versions if name in needed}
    there = {**lock.environment, "libraries": libraries}
    return replace(lock, entries=kept, environment=there)


def _another_question(
    before: Snapshot, job: Job, code: CodeReader, stages: tuple[str, ...]
) -> list[Cause]:
    """Parameters and settings that are not the lock's, known before a run."""
    entries = {name: _asked(job, name, code) for name in stages}
    now = Snapshot(str(job.folder), entries, before.environment)
    return [cause for cause in causes(before, now) if cause.kind == "parameters"]


def _asked(job: Job, name: str, code: CodeReader) -> Entry:
    parts = describe(job, job.stage(name), code)
    return Entry(fingerprint(parts), parts, {}, {})


def _refuse(found: list[Cause], name: str) -> int:
    for cause in found:
        print(row(cause.kind, cause.stages[0], cause.text))
    told = f"NOT reproduced, nothing was run: {name} is of another experiment;"
    print(row("verdict", told, " make all and make lock record this one"))
    return EXIT_DIFFERENT


def _rerun(
    job: Job,
    arguments: argparse.Namespace,
    stack: ExitStack,
    stages: tuple[str, ...],
    before: Snapshot | None,
) -> Snapshot:
    again = stack.enter_context(elsewhere(job, all_sets(arguments), arguments.keep))
    reporter = Comparing(_comparer(again, before), arguments.verbose)
    code = CodeReader(CODE_ROOT, also=(base(),))
    runner = Runner(again, code, reporter)
    with chdir(again.folder.parent):
        runner.bring_up_to_date((arguments.stage,))
    if arguments.keep:
        print(f"kept      {again.folder}")
    return of_run(again.folder, stages)


def _comparer(job: Job, before: Snapshot | None) -> Callable[[str], tuple[str, str]]:
    def compare_stage(stage: str) -> tuple[str, str]:
        outputs = read_record(job.folder / stage)["outputs"]
        if before is None or stage not in before.entries:
            return "done", f"{len(outputs)} files"
        names = _unequal(outputs, before.entries[stage])
        if not names:
            return "equal", f"{len(outputs)} files"
        return "differs", ", ".join(names)

    return compare_stage


def _reference(job: Job, stages: tuple[str, ...]) -> Snapshot | None:
    """The published run, whose files show how far the new ones are from them."""
    try:
        return of_run(job.folder, stages)
    except UserError:
        return None


def _side(text: str, root: Path) -> Snapshot:
    """A lock file, a folder of an experiment, or an experiment's name."""
    stages = tuple(stage.name for stage in CHAIN)
    path = Path(text)
    if path.name == LOCK or path.is_file():
        return of_lock(path if path.is_file() else root / path)
    if path.is_dir() and (path / "experiment.yaml").is_file():
        return as_it_is(of_run(path, stages))
    check_name(text)
    return as_it_is(of_run(experiment_folder(root, text), stages))
