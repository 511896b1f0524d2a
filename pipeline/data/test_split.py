"""The test split. Only evaluate imports this module; a test checks it."""

from __future__ import annotations

from pathlib import Path

from pipeline.data.arrays import load_arrays
from pipeline.data.artifact import MAPPED_ABOVE, Split


def held_out_split(folder: Path) -> Split:
    """Load the examples that no decision has used.

    Args:
        folder: the published folder of the data stage.

    Raises:
        UserError: when a file is missing or damaged.
    """
    return Split(*load_arrays(folder, "test", MAPPED_ABOVE))
