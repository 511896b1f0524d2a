"""The test split. Only evaluate imports this module; a test keeps it so."""

from __future__ import annotations

from pathlib import Path

from pipeline.data.artifact import Split, load_split


def held_out_split(folder: Path) -> Split:
    """The examples that no decision has seen.

    Args:
        folder: the published folder of the data stage.
    """
    return load_split(folder, "test")
