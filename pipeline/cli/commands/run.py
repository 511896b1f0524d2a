"""`run STAGE`: bring a stage, and all that it depends on, up to date."""

from __future__ import annotations

import argparse

from pipeline.cli import parser as options
from pipeline.core.exit_codes import ExitCode
from pipeline.engine.terminal import decision_line
from pipeline.experiment.session import Console

HELP = "bring a stage, and all that it depends on, up to date"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_experiment(parser)
    options.add_stage(parser, "default: the whole chain")
    parser.add_argument(
        "--force", action="store_true", help="run the stage even if it is cached"
    )
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="print what would be run and why, run nothing",
    )
    parser.add_argument(
        "--only",
        action="store_true",
        help="print no line for cached stages that the stage depends on",
    )
    options.add_verbose(parser)


def run(arguments: argparse.Namespace) -> int:
    """Run the stage, or print the plan."""
    stage = options.stage_of(arguments)
    session = options.session_of(arguments)
    if arguments.dry_run:
        session.check_continuation()
        for decision in session.plan(stage):
            print(decision_line(decision))
        return ExitCode.DONE
    session.run(
        stage,
        force=arguments.force,
        only=arguments.only,
        reporter=Console(verbose=arguments.verbose),
    )
    return ExitCode.DONE
