"""Import modules of the user, such as a builder or a task, never without a note.

These modules run with the user's rights, and an experiment from others can name any.
A command that knows the experiment lists its modules once, with their files
(`pipeline.experiment.outside`). Where none has, the import itself prints a note.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Iterable
from types import ModuleType

from pipeline.core.quoting import printable

# In the environment of a stage: the run has listed the modules.
VARIABLE = "PIPELINE_CODE_LISTED"
_LISTED: set[str] = set()


def mark_listed(modules: Iterable[str]) -> None:
    """Mark modules that a note has named.

    Args:
        modules: dotted names.
    """
    _LISTED.update(modules)


def import_user_module(name: str) -> ModuleType:
    """Import a module, after a note on standard error if nothing has listed it yet.

    Args:
        name: dotted name.
    """
    if name not in _LISTED and VARIABLE not in os.environ:
        text = f"note      imports the module {name}, which runs with your rights"
        print(printable(text), file=sys.stderr, flush=True)
        _LISTED.add(name)
    return importlib.import_module(name)
