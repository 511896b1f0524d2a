"""`clean`: remove an experiment's results, keep its file."""

from __future__ import annotations

import argparse

from pipeline.cli import parser as options
from pipeline.core.exit_codes import ExitCode
from pipeline.data.extension import FOLDER as EARLIER

HELP = "remove an experiment's results, keep its file"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_experiment(parser)
    options.add_name(parser)


def run(arguments: argparse.Namespace) -> int:
    """Remove the stage folders and what an interrupted run left."""
    session = options.session_of(arguments)
    names = [
        f"{name}/, the results before data.extend" if name == EARLIER else name
        for name in session.clean()
    ]
    print(f"{session.folder}: results removed; kept: {', '.join(names)}")
    return ExitCode.DONE
