"""`diff`: differences between two runs, or a run and its lock, and their causes."""

from __future__ import annotations

import argparse

HELP = "differences between two runs, or a run and its lock, and their causes"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("before", metavar="A", help="an experiment, or a lock file")
    parser.add_argument("after", metavar="B", nargs="?", help="default: A and its lock")


def run(arguments: argparse.Namespace) -> int:
    """Call the library of the same name."""
    from pipeline.reproduce import commands

    return commands.diff(arguments)
