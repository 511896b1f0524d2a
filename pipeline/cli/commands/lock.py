"""`lock`: record the published results in experiment.lock."""

from __future__ import annotations

import argparse

from pipeline.cli import parser as options

HELP = "record the published results in experiment.lock"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_experiment(parser)
    parser.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME=X",
        help="for other machines: points, images, loss or size; kept in the lock",
    )


def run(arguments: argparse.Namespace) -> int:
    """Call the library of the same name."""
    from pipeline.reproduce import commands

    return commands.lock(arguments)
