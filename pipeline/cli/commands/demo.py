"""`demo EXP`: a page that runs the chosen file in a browser, without network access."""

from __future__ import annotations

import argparse
from pathlib import Path

from pipeline.cli import parser as options
from pipeline.core.exit_codes import ExitCode
from pipeline.core.safe_path import SafeFolder
from pipeline.engine.terminal import quiet
from pipeline.results.demo.runtime import PACKAGE, read_runtime

HELP = "write a page that runs the chosen file in a browser"
FOLDER = "demo"  # in the experiment's folder
PAGE = f"{FOLDER}/index.html"


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
    folder = options.variants_folder(arguments.root, arguments.experiment)
    runtime = read_runtime(arguments.runtime)
    with quiet():
        from pipeline.results.demo.content import content_of
        from pipeline.results.demo.page import render

        content = content_of(folder, arguments.variant)
        page = render(content, runtime).encode()
    path = _write(folder, page)
    if arguments.json:
        options.print_json(
            {"page": str(path), "bytes": len(page), "file": content["file"]}
        )
    else:
        print(f"written   {path} ({len(page) / 1e6:.1f} MB); open it in a browser")
    return ExitCode.DONE


def _write(folder: Path, page: bytes) -> Path:
    """Write the page into the folder of the experiment, through no link."""
    inside = SafeFolder(folder)
    inside.make(FOLDER)
    inside.write(PAGE, page)
    return folder / PAGE
