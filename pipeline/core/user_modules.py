"""Import modules of the user, such as a builder or a task, never without a note.

These modules run with the user's rights, and an experiment from others can name any.
A command that knows the experiment lists its modules once, with their files
(`pipeline.experiment.outside`). Where none has, the import itself prints a note.

A .keras file names the classes of its layers, and contains no code. Layers of a custom
builder are registered when its module is imported, so a stage imports the modules of
its experiment, which were announced to it, before it reads a model.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from types import ModuleType

from pipeline.core.base_path import append_to_path
from pipeline.core.quoting import printable

# In the environment of a stage: the run has listed the modules.
LISTED = "PIPELINE_CODE_LISTED"
# In the environment, so that workers inherit it: the modules to import.
ANNOUNCED = "PIPELINE_USER_MODULES"
PACKAGE = "pipeline"
_listed: set[str] = set()


def mark_listed(modules: Iterable[str]) -> None:
    """Mark modules that a note has named.

    Args:
        modules: dotted names.
    """
    _listed.update(modules)


def import_user_module(name: str) -> ModuleType:
    """Import a module, after a note on standard error if nothing has listed it yet.

    Args:
        name: dotted name.
    """
    if name not in _listed and LISTED not in os.environ:
        text = f"note      imports the module {name}, which runs with your rights"
        print(printable(text), file=sys.stderr, flush=True)
        _listed.add(name)
    return importlib.import_module(name)


def announce(modules: Iterable[str]) -> None:
    """Let this process, and those that it starts, import modules of the user.

    Args:
        modules: dotted names; those of this package are left out.
    """
    names = dict.fromkeys(m for m in modules if m.partition(".")[0] != PACKAGE)
    os.environ[ANNOUNCED] = ",".join(names)


def import_announced() -> tuple[ModuleType, ...]:
    """Import the announced modules, which registers their classes.

    Returns:
        The modules.

    Raises:
        Exception: whatever a module raises.
    """
    names = list(filter(None, os.environ.get(ANNOUNCED, "").split(",")))
    if names:
        append_to_path()
    return tuple(map(import_user_module, names))
