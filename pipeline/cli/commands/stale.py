"""`stale STAGE...`: for make, the stages that are not up to date.

Make reads the names from standard output while it reads its Makefile. `!` means that
the error on standard error is final.
"""

from __future__ import annotations

import argparse
import sys

from pipeline.cli import parser as options
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.engine.terminal import decision_line
from pipeline.experiment.preflight import check_engine, check_files
from pipeline.experiment.stages import STAGES

HELP = "for make: print the names of the stages that are not up to date"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_experiment(parser)
    parser.add_argument("stages", nargs="+", choices=STAGES, metavar="STAGE")


def run(arguments: argparse.Namespace) -> int:
    """Print names of stages to standard output, lines of cached ones to the other."""
    try:
        session = options.session_of(arguments)
        session.require_runnable()
        decisions = session.plan(*arguments.stages)
        check_files(session.job, decisions)
        check_engine(session.job, decisions)
    except UserError:
        print("!", flush=True)
        raise
    for decision in decisions:
        if decision.cached:
            print(decision_line(decision), file=sys.stderr)
    print(" ".join(d.stage for d in decisions if not d.cached))
    return ExitCode.DONE
