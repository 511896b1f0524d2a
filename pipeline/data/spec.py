"""The signature of a data set: what a model is given and what it must say.

spec.json is enough to feed an exported file by hand:
`model input = float32(raw) * scale + offset`, and output k is class `classes[k]`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.engine.jsonio import read_json, write_json


@dataclass(frozen=True)
class TaskSpec:
    """Shape, type and meaning of inputs and outputs.

    Args:
        shape: of one raw example, without the batch.
        dtype: of the raw example as it is stored.
        scale: see the module; the model's input is about 0 .. 1 or -1 .. 1.
        vocabulary: how many tokens there are, for text; else 0.
    """

    name: str
    source: str
    shape: tuple[int, ...]
    dtype: str
    classes: tuple[str, ...]
    scale: float = 1.0
    offset: float = 0.0
    modality: str = "image"
    task: str = "classification"
    vocabulary: int = 0

    def to_input(self, raw: np.ndarray) -> np.ndarray:
        """Raw examples as the float32 model input, same shape."""
        scaled = raw.astype(np.float32) * np.float32(self.scale)
        return scaled + np.float32(self.offset)

    def to_json(self) -> dict[str, Any]:
        """A JSON value."""
        return asdict(self)


def write_spec(folder: Path, spec: TaskSpec) -> None:
    """Write spec.json."""
    write_json(folder / "spec.json", spec.to_json())


def read_spec(folder: Path) -> TaskSpec:
    """Read spec.json."""
    values = read_json(folder / "spec.json")
    tuples = {key: tuple(values[key]) for key in ("shape", "classes")}
    return TaskSpec(**{**values, **tuples})
