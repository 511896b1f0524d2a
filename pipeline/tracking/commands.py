"""The command `tensorboard`: write the logs of an experiment, print their folder."""

from __future__ import annotations

import argparse

from pipeline.chain import CHAIN
from pipeline.config import experiment_folder
from pipeline.core.errors import UserError
from pipeline.tracking.tensorboard_logs import FOLDER, write_logs


def tensorboard(arguments: argparse.Namespace) -> int:
    """Write TensorBoard logs of every published stage."""
    folder = experiment_folder(arguments.root, arguments.exp)
    written = write_logs(folder, [stage.name for stage in CHAIN])
    if not written:
        raise UserError(f"{folder}: no result yet; run: make all EXP={folder.name}")
    print(f"{folder / FOLDER}: {', '.join(written)}")
    return 0
