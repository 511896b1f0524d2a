"""`show`: the result, one stage, the resolved experiment file, or a model."""

from __future__ import annotations

import argparse
import importlib
import os
from pathlib import Path
from shlex import quote
from typing import Any

import yaml

from pipeline.cli import parser as options
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.core.invocation import command, program
from pipeline.core.quoting import printable
from pipeline.engine.terminal import quiet
from pipeline.experiment import outside
from pipeline.experiment.loader import NAME, read_experiment
from pipeline.experiment.session import LAST, open_session
from pipeline.experiment.single_model import is_single
from pipeline.experiment.stages import STAGES
from pipeline.results import single_file, summary
from pipeline.tasks.registry import DEFAULT

CHOICES = (*STAGES, "config", "model")
HELP = "the result, one stage's parameters and metrics, or a model"
WHAT = (
    "a stage, `config` for the resolved experiment file, or `model` for the cost of a "
    "builder's model and the compression that its layers support"
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    options.add_experiment(parser)
    parser.add_argument(
        "words",
        nargs="*",
        metavar="[EXP] [WHAT [MODEL]]",
        help=f"the experiment, like --exp; {WHAT}; a MODEL is family, family:preset or "
        "module:function (default: the experiment's)",
    )
    _add_model(parser)
    options.add_json(parser)


def _add_model(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--shape",
        metavar="H,W,C",
        help="for `show model`: the shape of an example, instead of the experiment's",
    )
    parser.add_argument(
        "--classes", type=int, default=10, metavar="N", help="with --shape"
    )
    parser.add_argument(
        "--vocabulary",
        type=int,
        default=0,
        metavar="N",
        help="with --shape, for texts: the number of tokens",
    )
    parser.add_argument(
        "--task",
        default=DEFAULT,
        metavar="TASK",
        help="with --shape (default: %(default)s)",
    )


def run(arguments: argparse.Namespace) -> int:
    """Print what is asked for."""
    _read_words(arguments)
    if arguments.what == "model":
        return _show_model(arguments)
    if arguments.model:
        raise UserError(f"show {arguments.what} takes no second name")
    folder = options.folder_of(arguments)
    if arguments.what == "config":
        experiment = read_experiment(folder, options.overrides_of(arguments))
        _print_config(experiment.model_dump(mode="json"), arguments.json)
    elif arguments.what:
        options.print_json(summary.read_stage(folder / arguments.what))
    else:
        outside.announce_results(folder)
        return _show_result(folder, arguments)
    return ExitCode.DONE


def _read_words(arguments: argparse.Namespace) -> None:
    """Set `exp`, `what` and `model` from the words of the command line."""
    words = options.take_experiment(arguments, arguments.words, CHOICES)
    if len(words) > 2:
        raise UserError(f"show takes at most EXP, WHAT and MODEL; received {words[2]}")
    arguments.what, arguments.model = [*words, None, None][:2]


def _print_config(values: dict[str, Any], as_json: bool) -> None:
    """Print the experiment as its file has it, in the order of the reference."""
    if as_json:
        options.print_json(values)
        return
    text = yaml.safe_dump(values, sort_keys=False, allow_unicode=True)
    print(text, end="")


def _show_result(folder: Path, arguments: argparse.Namespace) -> int:
    if is_single(folder):
        pareto = single_file.read(folder)
        if arguments.json:
            options.print_json(pareto)
        else:
            print(printable(single_file.text(folder, pareto, usage_of(folder))))
        return single_file.exit_code(pareto)
    result = summary.read(folder)
    if arguments.json:
        options.print_json(result)
    else:
        print(printable(summary.text(folder, result)))
        _note_if_outdated(folder)
    return summary.exit_code(result)


def usage_of(folder: Path) -> str:
    """The command that predicts with the file that compress-file chose."""
    name = folder.resolve().name
    if not NAME.fullmatch(name):
        return "predict and show need an --out of letters, digits, - and _"
    return f"{program()} predict {name} FILE --root {quote(str(folder.parent))}"


def _note_if_outdated(folder: Path) -> None:
    """Print a note where a stage was published after the report."""
    stages = open_session(folder).outdated_report()
    if stages:
        again = command("run", LAST, folder=folder)
        print(f"note      the report is older than {', '.join(stages)}; run: {again}")


def _show_model(arguments: argparse.Namespace) -> int:
    from pipeline.cli.model_choice import model_and_data

    name, values, spec = model_and_data(arguments)
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    with quiet():  # TensorFlow and its converter print about themselves
        module = importlib.import_module("pipeline.cli.commands.show_model")
        facts = module.facts(name, values, spec)
    if arguments.json:
        options.print_json(facts)
    else:
        print(printable(module.text(facts)))
    return ExitCode.DONE
