"""`status`: which stages are up to date, and why the others are not."""

from __future__ import annotations

import argparse

from pipeline.cli import parser as options
from pipeline.core.exit_codes import ExitCode
from pipeline.engine.terminal import decision_line

HELP = "which stages are up to date, and why the others are not"
SHOWN = ("stage", "state", "reason", "headline")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_experiment(parser)
    options.add_name(parser)
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the plan of the whole chain; nothing is run."""
    decisions = options.session_of(arguments).plan()
    if arguments.json:
        options.print_json(
            [{name: getattr(d, name) for name in SHOWN} for d in decisions]
        )
    else:
        print("\n".join(map(decision_line, decisions)))
    return ExitCode.DONE
