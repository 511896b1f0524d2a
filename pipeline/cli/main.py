"""Entry point of the command line: `keras-frontier COMMAND` or `python -m pipeline`.

Parses the arguments, runs the command, and turns errors into a message on standard
error and an exit code (`pipeline.core.exit_codes`). Imports no numeric library.
"""

from __future__ import annotations

import argparse
import importlib
import io
import os
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout, suppress
from pathlib import Path
from typing import NoReturn, TextIO, cast

from pipeline.cli.interruption import MESSAGE, prompt_interrupts
from pipeline.core.errors import UserError, from_os_error, watch_written_files
from pipeline.core.exit_codes import ExitCode
from pipeline.core.garbage_collection import collect_rarely
from pipeline.core.invocation import MODULE, PROGRAM, SCRIPT, program
from pipeline.core.named_stream import NamedStream
from pipeline.core.quoting import message

# In the order of `--help`; a module per command in `pipeline.cli.commands`.
COMMANDS = (
    "run",
    "stale",
    "status",
    "show",
    "new",
    "lock",
    "verify",
    "reproduce",
    "diff",
    "lineage",
    "compress-file",
    "inspect",
    "predict",
    "generate",
    "debug",
    "demo",
    "compare",
    "reference",
    "tensorboard",
    "clean",
)
PACKAGE = "pipeline.cli.commands"
# pydantic would look for plugins in all installed distributions, at each start.
NO_PLUGINS = ("PYDANTIC_DISABLE_PLUGINS", "__all__")
RESUMED = "interrupted; the work of {stages} is kept, and the same command resumes it"


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command.

    Args:
        argv: the arguments; default: those of the process.

    Returns:
        The exit code; see `ExitCode`.
    """
    collect_rarely()
    os.environ.setdefault(*NO_PLUGINS)
    watch_written_files()
    try:
        with prompt_interrupts(), redirect_stdout(_named(sys.stdout)):
            os.environ[PROGRAM] = _program()
            return _run(build_parser(_named_command(argv)).parse_args(argv))
    except KeyboardInterrupt:
        return _interrupted()


def _named(stream: TextIO | None) -> TextIO:
    """The same stream, with errors that say what cannot be written.

    A shell that closed the stream gets nothing, as with the null device.
    """
    return cast(TextIO, NamedStream(stream or io.StringIO(), Path("standard output")))


class Parser(argparse.ArgumentParser):
    """A parser whose errors are safe to print, whatever the arguments hold."""

    def error(self, text: str) -> NoReturn:
        """Print the usage and an error, and exit with code 2."""
        super().error(message(text))


def build_parser(names: Sequence[str] = COMMANDS) -> argparse.ArgumentParser:
    """The parser of commands; `arguments.run` is the command's function.

    Args:
        names: commands whose modules are imported; default: all.
    """
    from pipeline.cli.parser import add_common
    from pipeline.experiment.stages import STAGES

    parser = Parser(
        prog=program(),
        description="From a data set to the smallest Keras model that meets its "
        "accuracy budget.",
        epilog="Stages, in order: " + ", ".join(STAGES) + ".",
    )
    commands = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    for name in names:
        module = importlib.import_module(f"{PACKAGE}.{name.replace('-', '_')}")
        command = commands.add_parser(name, help=module.HELP, description=module.HELP)
        add_common(command)
        module.add_arguments(command)
        command.set_defaults(run=module.run)
    return parser


def _named_command(argv: Sequence[str] | None) -> tuple[str, ...]:
    """The command that the arguments begin with; all where they begin otherwise."""
    words = sys.argv[1:] if argv is None else argv
    return tuple(words[:1]) if words and words[0] in COMMANDS else COMMANDS


def _run(arguments: argparse.Namespace) -> int:
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except KeyboardInterrupt:
        return _interrupted(arguments)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return ExitCode.FAILED
    except Exception as error:
        if arguments.debug:
            raise
        return _report(error)


def _report(error: Exception) -> int:
    """Print an error; errors of the operating system in plain words."""
    plain = from_os_error(error) if isinstance(error, OSError) else error
    if isinstance(plain, UserError):
        return _print_error(f"error: {plain}", plain.exit_code)
    kind = type(error).__name__
    text = f"error: unexpected {kind}: {error} (--debug shows the traceback)"
    return _print_error(text, ExitCode.FAILED)


def _interrupted(arguments: argparse.Namespace | None = None) -> int:
    """Say what was kept of the stage that was running."""
    stages = _resumable(arguments) if arguments and arguments.verb == "run" else []
    text = RESUMED.format(stages=" and ".join(stages)) if stages else MESSAGE
    return _print_error(text, ExitCode.INTERRUPTED)


def _resumable(arguments: argparse.Namespace) -> list[str]:
    """Names of the stages whose interrupted work is kept."""
    from pipeline.cli.parser import folder_of
    from pipeline.engine.scratch import stages_with_work

    try:
        return stages_with_work(folder_of(arguments))
    except UserError:
        return []


def _print_error(text: str, code: int) -> int:
    with suppress(OSError):  # of a full disk, which the message is about
        sys.stdout.flush()
    print(message(text), file=sys.stderr)
    return int(code)


def _program() -> str:
    """The program as it was started, by the path of the running file."""
    started = Path(sys.argv[0] if sys.argv else "").parts
    return MODULE if started[-2:] == ("pipeline", "__main__.py") else SCRIPT
