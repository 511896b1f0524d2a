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


def read(folder: Path) -> dict[str, list[str]]:
    """Read the warnings of all stages.

    Args:
        folder: with one folder per published stage.

    Returns:
        `doubts`, warnings about the models, and `cautions`, what limits the meaning of
        results.

    Raises:
        UserError: when a file is not the one that was published.
    """
    folders = [folder / stage for stage in STAGES]
    documents = [
        published_json(stage, "metrics.json", MetricsSchema)
        for stage in folders
        if (stage / "stage.json").is_file()
    ]
    return {
        key: [text for document in documents for text in document.get(key, [])]
        for key in MetricsSchema.model_fields
    }


def lines(doubts: Sequence[str]) -> list[str]:
    """Return one line per warning, for the end of a table."""
    return [f"WARNING   {doubt}" for doubt in doubts]
