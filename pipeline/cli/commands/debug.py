"""`debug EXP VARIANT`: why quantization hurt a variant, and what helps."""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.cli import parser as options
from pipeline.compress.debug.choice import choose, rows_of
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.core.json_io import json_bytes
from pipeline.core.safe_path import SafeFolder
from pipeline.core.text_table import aligned
from pipeline.engine.terminal import quiet
from pipeline.experiment.session import open_session

HELP = "why quantization hurt a variant, and what helps"
FOLDER = "debug"  # in the experiment's folder, for the results
LAYERS = 10  # rows that are printed


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("experiment", metavar="EXP")
    parser.add_argument(
        "variant", metavar="VARIANT", help="an int8 variant without fine-tuning"
    )
    parser.add_argument(
        "--layers",
        type=int,
        default=LAYERS,
        metavar="N",
        help="number of layers to print (default: %(default)s)",
    )
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Diagnose a variant, print the result and keep it in the folder `debug`."""
    folder = options.variants_folder(arguments.root, arguments.experiment)
    if arguments.layers < 1:
        raise UserError(f"--layers {arguments.layers}: must be at least 1")
    document = _document(folder, arguments.variant)
    path = _write(folder, document)
    if arguments.json:
        options.print_json(document)
    else:
        print(text(document, arguments.layers))
        print(f"\nwritten   {path}")
    return ExitCode.DONE


def _write(folder: Path, document: dict[str, Any]) -> Path:
    """Write the diagnosis into the folder `debug`, through no link."""
    inside = SafeFolder(folder)
    inside.make(FOLDER)
    name = f"{FOLDER}/{document['variant']}.json"
    inside.write(name, json_bytes(document))
    return folder / name


def text(document: dict[str, Any], layers: int) -> str:
    """Format a diagnosis for the terminal.

    Args:
        document: as `pipeline.compress.debug.diagnosis.diagnose` returns it.
        layers: maximum number of layers.
    """
    return "\n".join(
        [
            _heading(document),
            "",
            *_layer_table(document["layers"], layers),
            "",
            *_remedy_table(document),
            "",
            _advice(document),
        ]
    )


def _document(folder: Path, name: str) -> dict[str, Any]:
    row = choose(rows_of(folder), name)
    session = open_session(folder)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with tempfile.TemporaryDirectory(prefix="debug-") as scratch, quiet():
        from pipeline.cli.published_context import build_context_of
        from pipeline.compress.debug.diagnosis import diagnose

        context = build_context_of(session.job, Path(scratch))
        return diagnose(row, context, _progress)


def _progress(line: str) -> None:
    """Print what begins to a terminal; standard error is silenced meanwhile."""
    if sys.stdout.isatty():
        print(f"  {line}", flush=True)


def _heading(document: dict[str, Any]) -> str:
    values = [f"{document[name]:.4f}" for name in ("int8", "float")]
    return (
        f"{document['variant']}: {document['metric']} {values[0]} on validation; "
        f"{values[1]} in float"
    )


def _layer_table(rows: Sequence[dict[str, Any]], count: int) -> list[str]:
    head = ("layer", "operator", "adds dB", "total dB", "saturated", "likely cause")
    cells = [
        (
            row["layer"],
            row["operator"],
            f"{row['added_db']:.1f}",
            f"{row['total_db']:.1f}",
            f"{row['saturated']:.1%}",
            row["cause"] or "-",
        )
        for row in rows[:count]
    ]
    shown = f"{min(count, len(rows))} of {len(rows)} layers"
    title = f"Signal-to-noise ratio, {shown}, the largest error first"
    return [title, *aligned([head, *cells], "llrrrl")]


def _remedy_table(document: dict[str, Any]) -> list[str]:
    rows = [
        ("recipe", document["metric"], "recovers", "bytes", "change", ""),
        (
            document["recipe"],
            f"{document['int8']:.4f}",
            "",
            f"{document['bytes_raw']:,}",
            "",
            "",
        ),
    ]
    return aligned([*rows, *map(_remedy_cells, document["remedies"])], "lrrrrl")


def _remedy_cells(row: dict[str, Any]) -> tuple[str, ...]:
    if row["value"] is None:
        return (row["recipe"], "-", "-", "-", "-", row["reason"])
    recovered = row["recovered"]
    return (
        row["recipe"],
        f"{row['value']:.4f}",
        "-" if recovered is None else f"{recovered:.0%}",
        f"{row['bytes_raw']:,}",
        f"{row['bytes_change']:+.1%}",
        "",
    )


def _advice(document: dict[str, Any]) -> str:
    if document["loss"] <= 0:
        return "Nothing is lost on validation, so there is nothing to recover."
    best = next((row for row in document["remedies"] if row["recommended"]), None)
    if best is None:
        return (
            "No adjustment recovers 90 % of the loss; try quantization-aware training: "
            "the recipe qat"
        )
    return f'Add to compress.recipes: "{best["recipe"]}"'
