"""`verify`: compare the published results with the lock; runs nothing."""

from __future__ import annotations

import argparse

from pipeline.cli import parser as options

HELP = "compare the published results with the lock; runs nothing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_experiment(parser)


def run(arguments: argparse.Namespace) -> int:
    """Call the library of the same name."""
    from pipeline.reproduce import commands

    return commands.verify(arguments)
