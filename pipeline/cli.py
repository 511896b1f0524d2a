"""The command line: `python -m pipeline VERB`. Imports nothing heavy.

Exit codes: 0 done, 1 a stage failed, 2 bad input, 3 no variant meets the budget,
4 not reproduced, 5 the experiment is being run by another process, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
from pathlib import Path
from types import ModuleType

from pipeline import verbs as verbs_of_rooms

EXIT_BUDGET = 3
EXIT_INTERRUPTED = 130
PROOFS = ("lock", "verify", "reproduce", "diff", "lineage")
STAGES = "data augment tune train distill compress evaluate report".split()


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit code."""
    arguments = _parser().parse_args(argv)
    from pipeline.core.errors import UserError, from_os_error

    try:
        function = arguments.verb.replace("-", "_")
        return getattr(_commands(arguments.verb), function)(arguments)
    except KeyboardInterrupt:
        return _say("interrupted; nothing half-made was kept", EXIT_INTERRUPTED)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except Exception as error:
        known = from_os_error(error) if isinstance(error, OSError) else error
        if arguments.debug:
            raise
        if isinstance(known, UserError):
            return _say(str(known), known.exit_code)
        kind = type(error).__name__
        return _say(f"unexpected {kind}: {error} (--debug shows where)", 1)


def _commands(verb: str) -> ModuleType:
    if verb in PROOFS:
        from pipeline.reproduce import commands as proofs

        return proofs
    if verb in verbs_of_rooms.MODULES:
        return importlib.import_module(verbs_of_rooms.MODULES[verb])
    from pipeline import commands

    return commands


def _say(text: str, code: int) -> int:
    sys.stdout.flush()
    print(f"error: {text}" if code != EXIT_INTERRUPTED else text, file=sys.stderr)
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m pipeline",
        description="From a data set to the smallest Keras model that meets its "
        "accuracy budget.",
        epilog="Stages, in order: " + ", ".join(STAGES) + ".",
    )
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_run(verbs)
    _add_stale(verbs)
    status = _add(verbs, "status", "which stages are up to date, and why not")
    _add_json(status)
    show = _add(verbs, "show", "the verdict, or one stage's parameters and metrics")
    show.add_argument(
        "what",
        nargs="?",
        choices=[*STAGES, "config", "model"],
        metavar="WHAT",
        help="a stage, `config` for the resolved experiment file, or `model` for "
        "what a builder's model costs and which compression it can take",
    )
    _add_show_model(show)
    _add_json(show)
    _add_new(verbs)
    _add_proofs(verbs)
    verbs_of_rooms.add(verbs, _add_plain, _add)
    _add(verbs, "clean", "remove an experiment's artifacts, keep its file")
    return parser


def _add_plain(verbs: argparse._SubParsersAction, name: str, text: str):
    """A verb with what all verbs have."""
    verb = verbs.add_parser(name, help=text, description=text)
    verb.add_argument(
        "--root",
        type=Path,
        default=Path("experiments"),
        metavar="DIR",
        help="the folder of experiments (default: %(default)s)",
    )
    verb.add_argument(
        "--debug", action="store_true", help="show the traceback of an error"
    )
    return verb


def _add(verbs: argparse._SubParsersAction, name: str, text: str):
    """A verb on one experiment, with overrides of its file."""
    verb = _add_plain(verbs, name, text)
    verb.add_argument(
        "--exp",
        default="digits",
        metavar="NAME",
        help="the experiment (default: %(default)s)",
    )
    verb.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="A.B=V",
        dest="sets",
        help="override a value of the experiment file",
    )
    verb.add_argument(
        "--sets",
        default="",
        metavar="'A.B=V C=W'",
        dest="set_line",
        help=argparse.SUPPRESS,
    )
    return verb


def _add_json(verb: argparse.ArgumentParser) -> None:
    verb.add_argument("--json", action="store_true", help="print JSON")


def _add_run(verbs: argparse._SubParsersAction) -> None:
    run = _add(verbs, "run", "bring a stage, and what it needs, up to date")
    run.add_argument(
        "stage",
        nargs="?",
        default="report",
        choices=STAGES,
        metavar="STAGE",
        help="default: the whole chain",
    )
    run.add_argument(
        "--force", action="store_true", help="run the stage even where it is cached"
    )
    run.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be run and why, run nothing",
    )
    run.add_argument(
        "--only",
        action="store_true",
        help="print no line for what the stage needs and is cached",
    )
    run.add_argument(
        "--verbose",
        action="store_true",
        help="show what libraries print; it is in log.txt anyway",
    )


def _add_stale(verbs: argparse._SubParsersAction) -> None:
    text = "for make: names the stages that are not up to date"
    stale = _add(verbs, "stale", text)
    stale.add_argument("stages", nargs="+", choices=STAGES, metavar="STAGE")


def _add_show_model(show: argparse.ArgumentParser) -> None:
    show.add_argument(
        "model",
        nargs="?",
        metavar="MODEL",
        help="for `show model`: family, family:preset or module:function "
        "(default: the experiment's)",
    )
    show.add_argument(
        "--shape",
        metavar="H,W,C",
        help="for `show model`: the shape of an example, instead of the experiment's",
    )
    show.add_argument(
        "--classes", type=int, default=10, metavar="N", help="with --shape"
    )
    show.add_argument(
        "--vocabulary",
        type=int,
        default=0,
        metavar="N",
        help="with --shape, for tokens: how many there are",
    )
    show.add_argument(
        "--task",
        default="classification",
        metavar="TASK",
        help="with --shape (default: %(default)s)",
    )


def _add_new(verbs: argparse._SubParsersAction) -> None:
    new = _add_plain(verbs, "new", "make an experiment file for a data set")
    new.add_argument("name", metavar="NAME")
    new.add_argument(
        "--source",
        required=True,
        metavar="SOURCE",
        help="sklearn:digits, tfds:fashion_mnist, ...",
    )


def _add_proofs(verbs: argparse._SubParsersAction) -> None:
    lock = _add(verbs, "lock", "record what is published in experiment.lock")
    lock.add_argument(
        "--tolerance",
        action="append",
        default=[],
        metavar="NAME=X",
        help="for other machines: points, images, loss or size; kept in the lock",
    )
    _add(verbs, "verify", "what is published against the lock; nothing is run")
    _add_reproduce(verbs)
    text = "what differs between two runs, or a run and its lock, and why"
    diff = _add_plain(verbs, "diff", text)
    diff.add_argument("before", metavar="A", help="an experiment, or a lock file")
    diff.add_argument("after", metavar="B", nargs="?", help="default: A and its lock")
    text = "where a file comes from, down to the data"
    lineage = _add_plain(verbs, "lineage", text)
    lineage.add_argument("file", type=Path, metavar="FILE", help="any artifact")
    _add_json(lineage)


def _add_reproduce(verbs: argparse._SubParsersAction) -> None:
    verb = _add(verbs, "reproduce", "run from scratch elsewhere, compare with the lock")
    verb.add_argument(
        "stage",
        nargs="?",
        default="report",
        choices=STAGES,
        metavar="STAGE",
        help="up to this stage; default: the whole chain",
    )
    verb.add_argument(
        "--twice",
        action="store_true",
        help="run it twice and compare the two: needs no lock, requires equal bits",
    )
    verb.add_argument("--keep", action="store_true", help="keep the new results")
    verb.add_argument(
        "--verbose", action="store_true", help="show what libraries print"
    )
