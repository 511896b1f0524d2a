"""`lock`: record the published results in experiment.lock."""

from __future__ import annotations

import argparse

from pipeline.cli import parser as options
from pipeline.core.exit_codes import ExitCode
from pipeline.core.wording import quantity

HELP = "record the published results in experiment.lock"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_experiment(parser)
    options.add_name(parser)
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME=X",
        help="for other machines: points, images, loss or size; kept in the lock",
    )
    parser.add_argument(
        "--add",
        action="store_true",
        help="keep the environments that the lock records, and add this one",
    )


def run(arguments: argparse.Namespace) -> int:
    """Write experiment.lock, and print what it records."""
    from pipeline.reproduce.lock_file import LOCK
    from pipeline.reproduce.locking import lock

    job, code = options.open_job(arguments)
    snapshots = lock(job, code, arguments.tolerance, arguments.add)
    entries = snapshots[0].entries
    files = sum(len(entry.outputs) for entry in entries.values())
    environments = f", {len(snapshots)} environments" if len(snapshots) > 1 else ""
    print(
        f"{job.folder / LOCK}: {quantity(len(entries), 'stage')}, "
        f"{quantity(files, 'file')}{environments}; "
        "keep it in git"
    )
    return ExitCode.DONE
