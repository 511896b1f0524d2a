"""`verify`: compare the published results with the lock; runs nothing."""

from __future__ import annotations

import argparse

from pipeline.cli import parser as options
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.core.invocation import command
from pipeline.engine.terminal import line
from pipeline.experiment.stages import CHAIN

HELP = "compare the published results with the lock; runs nothing"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_experiment(parser)
    options.add_name(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one line per stage.

    Raises:
        UserError: for overrides, which would change neither files nor lock.
    """
    from pipeline.reproduce.locking import verify

    folder = options.folder_of(arguments)
    if overrides := options.overrides_of(arguments):
        again = command("reproduce", folder=folder, overrides=overrides)
        raise UserError(
            f"verify --set {overrides[0]}: verify compares published files with the "
            f"lock, without settings; leave it out, or run: {again}"
        )
    rows = verify(folder, CHAIN)
    for row in rows:
        print(line(row.stage, row.state, "", row.text))
    equal = all(row.state == "equal" for row in rows)
    return ExitCode.DONE if equal else ExitCode.NOT_REPRODUCED
