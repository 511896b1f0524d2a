"""`compare EXP EXP...`: results of experiments side by side, and why they differ."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli import parser as options
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.core.quoting import printable
from pipeline.experiment.stages import STAGES

HELP = "results of experiments side by side, and why they differ"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("experiments", nargs="+", metavar="EXP")
    parser.add_argument("--html", type=Path, metavar="FILE", help="also write a page")
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the comparison, and write the page if asked to."""
    from pipeline.results import comparison

    names = arguments.experiments
    folders = [options.results_folder(arguments.root, name) for name in names]
    if len(folders) < 2:
        raise UserError("compare: needs at least two experiments")
    document = comparison.compare(folders, STAGES)
    if arguments.html:
        arguments.html.write_text(comparison.page(document), encoding="utf-8")
    if arguments.json:
        options.print_json(document)
        return ExitCode.DONE
    print(printable("\n".join(comparison.text(document))))
    if arguments.html:
        print(f"\npage      {arguments.html}")
    return ExitCode.DONE
