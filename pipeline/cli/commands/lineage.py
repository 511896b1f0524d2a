"""`lineage`: the origin of a file, down to the data."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli import parser as options
from pipeline.core.exit_codes import ExitCode
from pipeline.core.quoting import printable
from pipeline.experiment.stages import STAGES

HELP = "the origin of a file, down to the data"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("file", type=Path, metavar="FILE", help="any artifact")
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the stages and hashes from a file down to the data."""
    from pipeline.reproduce.lineage import lineage_text, trace

    facts = trace(arguments.file, arguments.root, STAGES)
    if arguments.json:
        options.print_json(facts)
    else:
        print(printable("\n".join(lineage_text(facts))))
    return ExitCode.DONE
