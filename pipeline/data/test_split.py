"""The test split. Only evaluate imports this module; a test keeps it so."""

from __future__ import annotations

from pathlib import Path

from pipeline.data.arrays import load_arrays
from pipeline.data.artifact import LARGE, Split


def held_out_split(folder: Path) -> Split:
    """The examples that no decision has seen.

    Args:
        folder: the published folder of the data stage.
    """
    return Split(*load_arrays(folder, "test", LARGE))
