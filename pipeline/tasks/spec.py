"""The signature of a data set: what a model is given and what it must say.

spec.json is enough to feed an exported file by hand. `preprocess` turns a raw
example into a stored one, step by step (see `pipeline.data.features`); then
`model input = float32(stored) * scale + offset`, or the stored word numbers
themselves for text; output k is class `classes[k]`.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.json_io import read_json, write_json


@dataclass(frozen=True)
class TaskSpec:
    """Shape, type and meaning of inputs and outputs.

    Args:
        shape: of one stored example, without the batch: `(height, width, channels)`
            of an image, `(frames, bins, 1)` of audio, `(length,)` of a text,
            `(columns,)` of a table.
        dtype: of the stored example.
        scale: see the module; the model's input is about 0 .. 1 or -1 .. 1.
        modality: image, audio, text or table.
        task: name of the task, see `pipeline.tasks.registry`.
        target: scale of a number to predict: its name, mean and deviation; the number
            is `output * deviation + mean`. Empty for other targets.
        vocabulary: how many word numbers there are, for text; else 0.
        inputs: names of a table's columns, in the order of the model's input.
        preprocess: steps from raw to stored, as JSON values.
        also: further targets (see `pipeline.data.extra_targets`), as JSON values.
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
    preprocess: tuple[dict[str, Any], ...] = ()
    target: dict[str, Any] = field(default_factory=dict)
    inputs: tuple[str, ...] = ()
    also: tuple[dict[str, Any], ...] = ()

    @property
    def white(self) -> int:
        """The largest raw number of an example of bytes: 255 where nothing scales."""
        if self.scale == 1 and not self.offset:
            return 255
        return round((1.0 - self.offset) / self.scale) if self.scale else 0

    def to_input(self, raw: np.ndarray) -> np.ndarray:
        """Stored examples as the model input, same shape: float32, int32 for text."""
        if self.modality == "text":
            return raw.astype(np.int32)
        scaled = raw.astype(np.float32) * np.float32(self.scale)
        return scaled + np.float32(self.offset)

    def to_json(self) -> dict[str, Any]:
        """A JSON value."""
        values = asdict(self)
        if not self.also:  # said where there are any
            del values["also"]
        return values


def write_spec(folder: Path, spec: TaskSpec) -> None:
    """Write spec.json."""
    write_json(folder / "spec.json", spec.to_json())


def read_spec(folder: Path) -> TaskSpec:
    """Read spec.json."""
    values = read_json(folder / "spec.json")
    keys = ("shape", "classes", "preprocess", "inputs", "also")
    tuples = {key: tuple(values[key]) for key in keys if key in values}
    return TaskSpec(**{**values, **tuples})
