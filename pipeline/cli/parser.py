"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

from pipeline.core.invocation import ROOT
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.stage import Job
from pipeline.experiment.loader import experiment_folder
from pipeline.experiment.overrides import split_sets
from pipeline.experiment.session import Session, open_session
from pipeline.experiment.stages import STAGES

DEFAULT_EXPERIMENT = "digits"


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add `--root` and `--debug`, which every command has."""
    parser.add_argument(
        "--root",
        type=Path,
        default=ROOT,
        metavar="DIR",
        help="the folder of experiments (default: %(default)s)",
    )
    parser.add_argument(
        "--debug", action="store_true", help="show the traceback of an error"
    )


def add_experiment(parser: argparse.ArgumentParser) -> None:
    """Add `--exp`, and `--set` with its form for make, `--sets`."""
    parser.add_argument(
        "--exp",
        default=DEFAULT_EXPERIMENT,
        metavar="NAME",
        help="the experiment (default: %(default)s)",
    )
    add_set(parser, "override a value of the experiment file")
    parser.add_argument(
        "--sets",
        default="",
        metavar="'A.B=V C=W'",
        dest="set_line",
        help=argparse.SUPPRESS,
    )


def add_set(parser: argparse.ArgumentParser, text: str) -> None:
    """Add `--set`, which can be repeated."""
    parser.add_argument(
        "--set", action="append", default=[], metavar="A.B=V", dest="sets", help=text
    )


def add_stage(parser: argparse.ArgumentParser, text: str) -> None:
    """Add an optional stage; default: the last one."""
    parser.add_argument(
        "stage",
        nargs="?",
        default=STAGES[-1],
        choices=STAGES,
        metavar="STAGE",
        help=text,
    )


def add_json(parser: argparse.ArgumentParser) -> None:
    """Add `--json`."""
    parser.add_argument("--json", action="store_true", help="print JSON")


def add_verbose(parser: argparse.ArgumentParser) -> None:
    """Add `--verbose`."""
    parser.add_argument(
        "--verbose",
        action="store_true",
        help="show what libraries print; it is in log.txt anyway",
    )


def overrides_of(arguments: argparse.Namespace) -> list[str]:
    """The overrides from `--set` and from make's SET."""
    return [*arguments.sets, *split_sets(arguments.set_line)]


def folder_of(arguments: argparse.Namespace) -> Path:
    """The folder of `--exp`.

    Raises:
        UserError: there is no such experiment.
    """
    return experiment_folder(arguments.root, arguments.exp)


def session_of(arguments: argparse.Namespace) -> Session:
    """Open the experiment of `--exp` with its overrides.

    Raises:
        UserError: there is no such experiment, or a value is not valid.
    """
    return open_session(folder_of(arguments), overrides_of(arguments))


def open_job(arguments: argparse.Namespace) -> tuple[Job, CodeReader]:
    """The job of `--exp` and the reader of its code, for commands that run it."""
    session = session_of(arguments)
    session.require_runnable()
    return session.job, session.code


def print_json(value: Any) -> None:
    """Print a value as indented JSON with sorted keys."""
    print(json.dumps(value, indent=2, sort_keys=True))
