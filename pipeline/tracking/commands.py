"""`python -m pipeline tensorboard`: write the logs, say where they are."""

from __future__ import annotations

import argparse

from pipeline.chain import CHAIN
from pipeline.config import experiment_folder
from pipeline.core.errors import UserError
from pipeline.tracking.events import FOLDER, write_logs


def tensorboard(arguments: argparse.Namespace) -> int:
    """Write the logs of every published stage of one experiment."""
    folder = experiment_folder(arguments.root, arguments.exp)
    written = write_logs(folder, [stage.name for stage in CHAIN])
    if not written:
        raise UserError(f"{folder}: no result yet; run: make all EXP={folder.name}")
    print(f"{folder / FOLDER}: {', '.join(written)}")
    return 0
