"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError, did_you_mean
from pipeline.core.invocation import ROOT, command
from pipeline.engine.import_closure import CodeReader
from pipeline.engine.stage import Job
from pipeline.experiment import outside
from pipeline.experiment.loader import experiment_folder
from pipeline.experiment.overrides import split_sets
from pipeline.experiment.session import Session, open_session
from pipeline.experiment.stages import STAGES

DEFAULT_EXPERIMENT = "digits"
VARIANTS = "compress/pareto.json"  # in the experiment's folder


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
    """Add an optional experiment and an optional stage, for `stage_of`."""
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[EXP] [STAGE]",
        help="the experiment, like --exp; the stage, one of "
        f"{', '.join(STAGES)} ({text})",
    )


def stage_of(arguments: argparse.Namespace) -> str:
    """The stage of the command line, the last one if none is named; sets `exp`.

    Raises:
        UserError: there are further words.
    """
    words = take_experiment(arguments, arguments.words, STAGES)
    if len(words) > 1:
        raise UserError(f"{arguments.verb}: takes one stage; received {words[1]}")
    return words[0] if words else STAGES[-1]


def add_name(parser: argparse.ArgumentParser) -> None:
    """Add an optional experiment, for commands without other words."""
    parser.add_argument(
        "words", nargs="?", metavar="EXP", help="the experiment, like --exp"
    )


def take_experiment(
    arguments: argparse.Namespace, words: Sequence[str], choices: Sequence[str]
) -> list[str]:
    """Take the name of an experiment from the front of the words, into `exp`.

    Args:
        arguments: of the command; `exp` is set if a name is found.
        words: positional words of the command line.
        choices: words that are no name of an experiment, such as stages.

    Returns:
        The words after the name.

    Raises:
        UserError: a word is neither one of `choices` nor an existing experiment.
    """
    rest = list(words)
    if rest and rest[0] not in choices:
        if choices and not _exists(arguments, rest[0]):
            raise UserError(
                f"{arguments.verb} {rest[0]}: no such experiment in {arguments.root}, "
                f"and not one of {', '.join(choices)}{did_you_mean(rest[0], choices)}"
            )
        arguments.exp = rest.pop(0)
        if rest and choices and rest[0] not in choices:
            raise UserError(
                f"{arguments.verb} {rest[0]}: must be one of {', '.join(choices)}"
                f"{did_you_mean(rest[0], choices)}"
            )
    return rest


def _exists(arguments: argparse.Namespace, name: str) -> bool:
    try:
        experiment_folder(arguments.root, name)
    except UserError:
        return False
    return True


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
    if isinstance(words := getattr(arguments, "words", None), str):
        arguments.exp = words
    return experiment_folder(arguments.root, arguments.exp)


def results_folder(root: Path, name: str) -> Path:
    """The folder of an experiment whose results are about to be read.

    Lists the modules that the results name, if they were not listed before.

    Args:
        root: the folder of experiments.
        name: of the experiment, or a path to its folder with a slash in it.

    Raises:
        UserError: there is no such experiment.
    """
    folder = experiment_folder(root, name)
    outside.announce_results(folder)
    return folder


def variants_folder(root: Path, name: str) -> Path:
    """The folder of an experiment whose compressed files are about to be read.

    Args:
        root: the folder of experiments.
        name: as for `results_folder`.

    Raises:
        UserError: there is no such experiment, or it has no files yet.
    """
    folder = results_folder(root, name)
    if not (folder / VARIANTS).is_file():
        again = command("run", "compress", folder=folder)
        raise UserError(f"{folder}: no variants yet; run: {again}")
    return folder


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
