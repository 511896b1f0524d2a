"""What the train stage publishes: model.keras, and model.json, how to build it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.core.json_io import read_json, write_json


@dataclass(frozen=True)
class Architecture:
    """A builder with its hyperparameters, and how many weights that gives."""

    builder: str
    values: dict[str, Any]
    weights: int

    @property
    def strength(self) -> float:
        """Of the augmentation that it was trained with."""
        return self.values.get("augmentation", 1.0)


def write_architecture(folder: Path, architecture: Architecture) -> None:
    """Write model.json."""
    write_json(folder / "model.json", asdict(architecture))


def read_architecture(folder: Path) -> Architecture:
    """Read model.json."""
    return Architecture(**read_json(folder / "model.json"))
