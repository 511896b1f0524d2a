"""The command line as the user started it, for messages that name a command.

    command("run", "train", folder=Path("experiments/digits"))
        make train EXP=digits                 called by make
        keras-frontier run train --exp digits     started by the console script
        python -m pipeline run train --exp digits    started as a module

The environment carries both facts to the processes of the stages: the Makefile sets
`PIPELINE_MAKE`, the command line sets `PIPELINE_PROGRAM`.
"""

from __future__ import annotations

import os
import shlex
from collections.abc import Iterable
from pathlib import Path

SCRIPT = "keras-frontier"
MODULE = "python -m pipeline"
MAKE = "PIPELINE_MAKE"
PROGRAM = "PIPELINE_PROGRAM"
ROOT = Path("experiments")  # the default folder of experiments
# Verbs that have a make target, and its name; `run` has one for each stage.
TARGETS = {
    "clean": "clean-exp",
    "lock": "lock",
    "reference": "reference",
    "reproduce": "reproduce",
    "show": "show",
    "status": "status",
    "tensorboard": "tensorboard",
    "verify": "verify",
}


def program() -> str:
    """The program as the user started it: the console script or the module."""
    return os.environ.get(PROGRAM, SCRIPT)


def command(
    verb: str,
    *words: str,
    folder: Path | None = None,
    overrides: Iterable[str] = (),
) -> str:
    """A command line for the user to type.

    Args:
        verb: of the command line, such as `run` or `lock`.
        words: its further arguments, such as the stage.
        folder: the experiment's folder, for verbs that take one.
        overrides: `--set` texts.

    Returns:
        A `make` command where make started this process and has a target for it.
    """
    target = _target(verb, words) if os.environ.get(MAKE) else None
    if target is not None:
        return _join(["make", target, *_make_variables(folder, overrides)])
    options = [word for text in overrides for word in ("--set", text)]
    return f"{program()} {_join([verb, *words, *_experiment(folder), *options])}"


def _target(verb: str, words: tuple[str, ...]) -> str | None:
    if verb == "run" and len(words) < 2:
        return words[0] if words else "all"
    return None if words else TARGETS.get(verb)


def _make_variables(folder: Path | None, overrides: Iterable[str]) -> list[str]:
    line = shlex.join(overrides)
    experiment = [f"EXP={folder.name}"] if folder is not None else []
    return [*experiment, *([f"SET={line}"] if line else [])]


def _experiment(folder: Path | None) -> list[str]:
    if folder is None:
        return []
    default = folder.parent.resolve() == ROOT.resolve()
    root = [] if default else ["--root", str(folder.parent)]
    return ["--exp", folder.name, *root]


def _join(words: Iterable[str]) -> str:
    return " ".join(_quote(word) for word in words)


def _quote(word: str) -> str:
    """Quote only the value of make's `NAME=value`, which reads better."""
    name, equals, value = word.partition("=")
    plain = equals and name.isidentifier() and value
    return f"{name}={shlex.quote(value)}" if plain else shlex.quote(word)
