"""The user's modules whose registered classes a model file may need.

A .keras file names the classes of its layers, and contains no code. Layers of a custom
builder are registered when its module is imported, so a stage imports the modules of
its experiment before it reads a model.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from types import ModuleType

from pipeline.core.base_path import append_to_path
from pipeline.core.user_code import import_user_module

# In the environment, so that workers inherit it.
VARIABLE = "PIPELINE_USER_MODULES"
PACKAGE = "pipeline"


def announce(modules: Iterable[str]) -> None:
    """Let this process, and those that it starts, import modules of the user.

    Args:
        modules: dotted names; those of this package are left out.
    """
    names = dict.fromkeys(m for m in modules if m.partition(".")[0] != PACKAGE)
    os.environ[VARIABLE] = ",".join(names)


def import_announced() -> tuple[ModuleType, ...]:
    """Import the announced modules, which registers their classes.

    Returns:
        The modules.

    Raises:
        Exception: whatever a module raises.
    """
    names = list(filter(None, os.environ.get(VARIABLE, "").split(",")))
    if names:
        append_to_path()
    return tuple(map(import_user_module, names))
