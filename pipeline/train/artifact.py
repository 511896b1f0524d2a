"""Artifacts of the train stage: model.keras, and model.json, which describes it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from pipeline.core.json_io import read_json, write_json


@dataclass(frozen=True)
class Architecture:
    """A builder, its hyperparameters, and the size of the model.

    Args:
        builder: name of the builder.
        values: hyperparameter -> value.
        weights: number of parameters of the model.
    """

    builder: str
    values: dict[str, Any]
    weights: int

    @property
    def strength(self) -> float:
        """The strength of the augmentation during training; 1 is that of the policy."""
        return self.values.get("augmentation", 1.0)


def write_architecture(folder: Path, architecture: Architecture) -> None:
    """Write model.json into `folder`."""
    write_json(folder / "model.json", asdict(architecture))


def read_architecture(folder: Path) -> Architecture:
    """Read model.json from `folder`."""
    return Architecture(**read_json(folder / "model.json"))
