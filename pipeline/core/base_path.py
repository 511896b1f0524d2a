"""Where relative paths of an experiment begin: data, trained models, own builders.

In the working directory, unless the run was moved: `reproduce` works in another one,
and the texts of the experiment, which are recorded as written, lead to where they led.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

VARIABLE = "PIPELINE_BASE"  # in the environment, for the stages' processes


def base() -> Path:
    """The folder; the empty path where it is the working directory."""
    return Path(os.environ.get(VARIABLE, ""))


@contextmanager
def based_on(folder: Path) -> Iterator[None]:
    """From now on paths begin in `folder`, wherever this process works."""
    before = os.environ.get(VARIABLE)
    os.environ[VARIABLE] = str(folder)
    try:
        yield
    finally:
        del os.environ[VARIABLE]
        os.environ.update({VARIABLE: before} if before is not None else {})
