"""`lineage`: the origin of a file, down to the data."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli import parser as options

HELP = "the origin of a file, down to the data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="any artifact")
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Call the library of the same name."""
    from pipeline.reproduce import commands

    return commands.lineage(arguments)
