"""`reproduce`: run again from scratch elsewhere, and compare with the lock."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli import parser as options
from pipeline.core.quoting import printable
from pipeline.engine.stage import Job
from pipeline.experiment import outside
from pipeline.experiment.loader import read_experiment

HELP = "run again from scratch elsewhere, and compare with the lock"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_experiment(parser)
    options.add_stage(parser, "up to this stage; default: the whole chain")
    parser.add_argument(
        "--twice",
        action="store_true",
        help="run twice and compare the two runs: needs no lock, requires equal bits",
    )
    parser.add_argument("--keep", action="store_true", help="keep the new results")
    options.add_verbose(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run in a temporary folder, and print the comparison."""
    from pipeline.reproduce.reproduction import Rerun, reproduce, reproduce_twice

    stage = options.stage_of(arguments)
    job, code = options.open_job(arguments)
    overrides = options.overrides_of(arguments)

    outside.announce_job(job)

    def load(folder: Path) -> Job:
        outside.copy_notes(job.folder, folder)
        return read_experiment(folder, overrides).job(folder)

    rerun = Rerun(job, load, stage, arguments.keep, arguments.verbose)
    result = reproduce_twice(rerun) if arguments.twice else reproduce(rerun, code)
    print(printable("\n".join(result.lines)))
    return result.exit_code
