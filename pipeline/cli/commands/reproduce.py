"""`reproduce`: run again from scratch elsewhere, and compare with the lock."""

from __future__ import annotations

import argparse

from pipeline.cli import parser as options

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
    """Call the library of the same name."""
    from pipeline.reproduce import commands

    return commands.reproduce(arguments)
