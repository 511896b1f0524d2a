"""Warnings of the stages about models that may be useless or misread.

In: the folder of an experiment or of compress-file. Out: sentences, and their lines in
the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.core.json_io import read_json

STAGES = ("train", "distill", "compress")  # whose metrics.json may have `doubts`


def read(folder: Path) -> list[str]:
    """Read the warnings of all stages.

    Args:
        folder: with one folder per published stage.
    """
    files = [folder / stage / "metrics.json" for stage in STAGES]
    documents = [read_json(file) for file in files if file.is_file()]
    return [text for document in documents for text in document.get("doubts", [])]


def lines(doubts: Sequence[str]) -> list[str]:
    """Return one line per warning, for the end of a table."""
    return [f"WARNING   {doubt}" for doubt in doubts]
