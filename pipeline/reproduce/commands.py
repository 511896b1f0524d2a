"""The commands lock, verify, reproduce, diff and lineage: arguments in, exit code out.

Exit codes: 0 equal or within tolerance, 4 not reproduced.
"""

from __future__ import annotations

import argparse
import json

from pipeline.chain import CHAIN
from pipeline.commands import all_sets, open_job
from pipeline.config import experiment_folder
from pipeline.core.errors import UserError
from pipeline.engine.terminal import line
from pipeline.reproduce.compare_named import compare_named
from pipeline.reproduce.comparison_result import EXIT_DIFFERENT, table
from pipeline.reproduce.lineage import lineage_text, trace
from pipeline.reproduce.lock_file import LOCK
from pipeline.reproduce.locking import lock as write_lock
from pipeline.reproduce.locking import verify as verify_stages
from pipeline.reproduce.reproduction import Rerun, reproduce_twice
from pipeline.reproduce.reproduction import reproduce as reproduce_once

STAGES = tuple(stage.name for stage in CHAIN)


def lock(arguments: argparse.Namespace) -> int:
    """Record the published results in experiment.lock."""
    job, code = open_job(arguments)
    snapshots = write_lock(job, code, arguments.tolerance, arguments.add)
    entries = snapshots[0].entries
    files = sum(len(entry.outputs) for entry in entries.values())
    environments = f", {len(snapshots)} environments" if len(snapshots) > 1 else ""
    print(
        f"{job.folder / LOCK}: {len(entries)} stages, {files} files{environments}; "
        "keep it in git"
    )
    return 0


def verify(arguments: argparse.Namespace) -> int:
    """Compare the published results with the lock; nothing is run.

    Raises:
        UserError: for overrides, which would change neither files nor lock.
    """
    if sets := all_sets(arguments):
        raise UserError(
            f"verify --set {sets[0]}: verify compares published files with the lock, "
            "without settings; leave it out, or: python -m pipeline reproduce --set …"
        )
    rows = verify_stages(experiment_folder(arguments.root, arguments.exp), CHAIN)
    for row in rows:
        print(line(row.stage, row.state, "", row.text))
    return 0 if all(row.state == "equal" for row in rows) else EXIT_DIFFERENT


def reproduce(arguments: argparse.Namespace) -> int:
    """Run from scratch in a temporary folder, and compare with the lock."""
    job, code = open_job(arguments)
    sets = all_sets(arguments)
    rerun = Rerun(job, sets, arguments.stage, arguments.keep, arguments.verbose)
    done = reproduce_twice(rerun) if arguments.twice else reproduce_once(rerun, code)
    print("\n".join(done.lines))
    return done.exit_code


def diff(arguments: argparse.Namespace) -> int:
    """Print what differs between two runs, or a run and its lock, and why."""
    result = compare_named(arguments.before, arguments.after, arguments.root, STAGES)
    for text in table(result):
        print(text)
    if result.equal and not result.differences:
        print(f"{result.before.name} and {result.after.name} are equal")
    return 0 if result.equal else EXIT_DIFFERENT


def lineage(arguments: argparse.Namespace) -> int:
    """Print the stages and hashes from a file down to the data."""
    facts = trace(arguments.file, arguments.root, STAGES)
    if arguments.json:
        print(json.dumps(facts, indent=2, sort_keys=True))
    else:
        print("\n".join(lineage_text(facts)))
    return 0
