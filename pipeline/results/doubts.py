"""Warnings of the stages about models that may be useless or misread.

In: the folder of an experiment or of compress-file. Out: sentences, and their lines in
the terminal.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pydantic import BaseModel

from pipeline.engine.published import published_json

# Stages whose metrics.json may have them.
STAGES = ("train", "distill", "compress", "evaluate")


class MetricsSchema(BaseModel):
    """Types of metrics.json that this module relies on."""

    doubts: list[str] = []
    cautions: list[str] = []


def read(folder: Path, key: str = "doubts") -> list[str]:
    """Read the warnings of all stages.

    Args:
        folder: with one folder per published stage.
        key: `doubts` (default), or `cautions`: what limits the meaning of results.

    Raises:
        UserError: when a file is not the one that was published.
    """
    folders = [folder / stage for stage in STAGES]
    documents = [
        published_json(stage, "metrics.json", MetricsSchema)
        for stage in folders
        if (stage / "stage.json").is_file()
    ]
    return [text for document in documents for text in document.get(key, [])]


def lines(doubts: Sequence[str]) -> list[str]:
    """Return one line per warning, for the end of a table."""
    return [f"WARNING   {doubt}" for doubt in doubts]
