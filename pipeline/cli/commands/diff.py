"""`diff`: differences between two runs, or a run and its lock, and their causes."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.core.exit_codes import ExitCode
from pipeline.core.quoting import printable
from pipeline.experiment.loader import check_name, experiment_folder
from pipeline.experiment.stages import STAGES

HELP = "differences between two runs, or a run and its lock, and their causes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("before", metavar="A", help="an experiment, or a lock file")
    parser.add_argument("after", metavar="B", nargs="?", help="default: A and its lock")


def run(arguments: argparse.Namespace) -> int:
    """Print the differences."""
    from pipeline.reproduce.compare_named import compare_named
    from pipeline.reproduce.comparison_result import table

    result = compare_named(
        arguments.before, arguments.after, arguments.root, STAGES, _folder_of
    )
    print(printable("\n".join(table(result))))
    if result.equal and not result.differences:
        print(f"{result.before.name} and {result.after.name} are equal")
    return ExitCode.DONE if result.equal else ExitCode.NOT_REPRODUCED


def _folder_of(root: Path, name: str) -> Path:
    check_name(name)
    return experiment_folder(root, name)
