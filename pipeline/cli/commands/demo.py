"""`demo EXP`: a page that runs the chosen file in a browser, without network access."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli import parser as options
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.core.invocation import command
from pipeline.engine.terminal import quiet
from pipeline.experiment.loader import experiment_folder
from pipeline.results.demo.runtime import PACKAGE, read_runtime

HELP = "write a page that runs the chosen file in a browser"
NEEDED = ("data/spec.json", "compress/pareto.json")  # of the experiment's folder
PAGE = "demo/index.html"  # in it


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("experiment", metavar="EXP")
    parser.add_argument(
        "--variant", metavar="ID", help="another file than the chosen one"
    )
    parser.add_argument(
        "--runtime",
        type=Path,
        metavar="DIR",
        help=f"folder of the npm package {PACKAGE} (default: node_modules of this "
        "folder or one above it)",
    )
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Write the page into the folder `demo` of the experiment."""
    folder = experiment_folder(arguments.root, arguments.experiment)
    if not all((folder / name).is_file() for name in NEEDED):
        again = command("run", "compress", folder=folder)
        raise UserError(f"{folder}: no variants yet; run: {again}")
    runtime = read_runtime(arguments.runtime)
    with quiet():
        from pipeline.results.demo.content import content_of
        from pipeline.results.demo.page import render

        content = content_of(folder, arguments.variant)
    path = folder / PAGE
    path.parent.mkdir(exist_ok=True)
    path.write_text(render(content, runtime), encoding="utf-8")
    size = path.stat().st_size
    if arguments.json:
        options.print_json({"page": str(path), "bytes": size, "file": content["file"]})
    else:
        print(f"written   {path} ({size / 1e6:.1f} MB); open it in a browser")
    return ExitCode.DONE
