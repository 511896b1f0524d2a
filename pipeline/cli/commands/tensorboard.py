"""`tensorboard`: write TensorBoard logs of the published stages."""

from __future__ import annotations

import argparse

from pipeline.cli import parser as options
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.core.invocation import command
from pipeline.experiment.stages import STAGES

HELP = "write TensorBoard logs of the published stages"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_experiment(parser)
    options.add_name(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the logs, and print their folder."""
    from pipeline.tracking.tensorboard_logs import FOLDER, write_logs

    folder = options.folder_of(arguments)
    written = write_logs(folder, list(STAGES))
    if not written:
        again = command("run", folder=folder)
        raise UserError(f"{folder}: no result yet; run: {again}")
    print(f"{folder / FOLDER}: {', '.join(written)}")
    return ExitCode.DONE
