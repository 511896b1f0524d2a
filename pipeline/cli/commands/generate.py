"""`generate EXP --prompt TEXT`: text from the chosen file, token by token."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from pipeline.cli import parser as options
from pipeline.cli.commands.predict import require_result
from pipeline.core.errors import UserError
from pipeline.core.exit_codes import ExitCode
from pipeline.core.quoting import printable

HELP = "text from the chosen file of an experiment of text generation"
MAX_LENGTH, MAX_TEMPERATURE = 1_000_000, 100.0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command."""
    parser.add_argument("experiment", metavar="EXP")
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--prompt", metavar="TEXT", help="text to continue")
    source.add_argument(
        "--file", type=Path, metavar="FILE", help="a UTF-8 file with the prompt"
    )
    parser.add_argument(
        "--length",
        type=int,
        default=400,
        metavar="N",
        help="characters to write (default: %(default)s)",
    )
    parser.add_argument(
        "--temperature",
        type=float,
        default=0.7,
        metavar="T",
        help="0 takes the likeliest token, 1 draws as the model says "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="of the draws (default: 1)"
    )
    parser.add_argument(
        "--variant", metavar="ID", help="another file than the chosen one"
    )
    options.add_json(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print the prompt and its continuation; the speed on standard error."""
    _check(arguments)
    folder = options.results_folder(arguments.root, arguments.experiment)
    require_result(folder)
    from pipeline.inference.generation import PROMPT, generate

    prompt = _prompt(arguments)
    result = generate(
        folder,
        PROMPT if prompt is None else prompt,
        length=arguments.length,
        temperature=arguments.temperature,
        seed=arguments.seed,
        variant=arguments.variant,
    )
    if result.ignored:
        names = "".join(result.ignored[:20])
        text = f"warning: --prompt: characters that the model has not read: {names}"
        print(printable(text), file=sys.stderr)
    if arguments.json:
        options.print_json(result.to_json())
        return ExitCode.DONE
    print(printable(result.prompt + result.text))
    print(
        f"{len(result.text):,} characters, {result.speed:,.0f} per second "
        f"({result.method})",
        file=sys.stderr,
    )
    return ExitCode.DONE


def _check(arguments: argparse.Namespace) -> None:
    if not 1 <= arguments.length <= MAX_LENGTH:
        raise UserError(f"--length: from 1 to {MAX_LENGTH:,}, not {arguments.length}")
    if not 0 <= arguments.temperature <= MAX_TEMPERATURE:
        raise UserError(
            f"--temperature: from 0 to {MAX_TEMPERATURE:g}, not {arguments.temperature}"
        )
    if arguments.seed < 0:
        raise UserError(f"--seed: 0 or more, not {arguments.seed}")


def _prompt(arguments: argparse.Namespace) -> str | None:
    if arguments.file is None:
        return None if arguments.prompt is None else str(arguments.prompt)
    from pipeline.core.regular_file import is_regular

    if not is_regular(arguments.file):
        raise UserError(f"--file {arguments.file}: no such regular file")
    try:
        text = str(arguments.file.read_text(encoding="utf-8-sig"))
    except UnicodeDecodeError:
        raise UserError(f"--file {arguments.file}: must be text in UTF-8") from None
    return text
