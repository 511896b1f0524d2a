"""`predict EXP FILE...`: predictions of the chosen file on raw input."""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path
from typing import Any

from pipeline.cli import parser as options
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.core.invocation import command
from pipeline.core.quoting import printable

NEEDED = ("data/spec.json", "compress/pareto.json")  # of the experiment's folder
HELP = "predictions of the chosen file on raw input"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("experiment", metavar="EXP")
    parser.add_argument(
        "files",
        nargs="+",
        type=Path,
        metavar="FILE",
        help="an image, WAV, CSV with a header, text file (one per line), or .npy",
    )
    parser.add_argument(
        "--variant", metavar="ID", help="another file than the chosen one"
    )
    parser.add_argument(
        "--csv",
        type=Path,
        metavar="FILE",
        help="write forecasts into a CSV file, a line per step",
    )
    parser.add_argument(
        "--enrol",
        type=Path,
        metavar="FOLDER",
        help="for an embedding: a folder of files per identity; prints the nearest",
    )
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print one line per example."""
    folder = options.results_folder(arguments.root, arguments.experiment)
    require_result(folder)
    from pipeline.data.spec import read_spec
    from pipeline.inference.predict import predict
    from pipeline.tasks.prediction import prediction_of

    rows = predict(
        folder, arguments.files, variant=arguments.variant, enrol=arguments.enrol
    )
    task = prediction_of(read_spec(folder / "data"))  # which predict has checked
    if arguments.csv is not None:
        if task.table is None:
            raise UserError("--csv: is for forecasts; use --json for this experiment")
        _write_csv(arguments.csv, task.table(rows))
        return ExitCode.DONE
    if arguments.json:
        print(json.dumps(rows, indent=2))
        return ExitCode.DONE
    text = task.text
    width = max(len(row["input"]) for row in rows)
    for row in rows:
        print(printable(f"{row['input']:<{width}}  {text(row)}"))
    return ExitCode.DONE


def _write_csv(path: Path, rows: list[list[Any]]) -> None:
    try:
        with path.open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, lineterminator="\n").writerows(rows)
    except OSError as error:
        raise UserError(f"--csv {path}: {error.strerror or error}") from None


def require_result(folder: Path) -> None:
    """Refuse an experiment that was not run, before libraries are imported.

    Args:
        folder: of the experiment.

    Raises:
        UserError: names the command that runs it.
    """
    if not all((folder / name).is_file() for name in NEEDED):
        again = command("run", folder=folder)
        raise UserError(f"{folder}: no result yet; run: {again}")
