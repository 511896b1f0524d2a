"""The signature of a data set: shape, type and meaning of inputs and outputs.

spec.json is enough to run an exported file by hand. The steps of `preprocess` turn a
raw example into a stored one (see `pipeline.data.features`); then
`model input = float32(stored) * scale + offset`, or the stored token numbers
themselves for text. Output k is class `classes[k]`.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, NonNegativeInt, PositiveInt

from pipeline.core.json_io import read_checked, write_json


class SpecSchema(BaseModel):
    """Types of spec.json; the keys are those of `TaskSpec`."""

    model_config = ConfigDict(extra="forbid")

    name: str
    source: str
    shape: list[PositiveInt]
    dtype: Literal["uint8", "int32", "int64", "float32", "float64"]
    classes: list[str]
    scale: float = 1.0
    offset: float = 0.0
    modality: Literal["image", "audio", "text", "table", "series"] = "image"
    task: str = ""
    vocabulary: NonNegativeInt = 0
    preprocess: list[dict[str, Any]] = []
    target: dict[str, Any] = {}
    inputs: list[str] = []
    also: list[dict[str, Any]] = []


@dataclass(frozen=True)
class TaskSpec:
    """Shape, type and meaning of inputs and outputs.

    Args:
        name: name of the data set.
        source: source of the data, such as `sklearn:digits`.
        shape: shape of one stored example, without the batch: image `(height, width,
            channels)`, audio `(frames, bins, 1)`, text `(length,)`, table `(columns,)`,
            series `(steps, columns)`.
        dtype: dtype of the stored example.
        classes: class names; empty for numbers.
        scale: factor of stored numbers; model inputs are about 0 .. 1 or -1 .. 1.
            Default 1.
        offset: added after scaling; default 0.
        modality: `image` (default), `audio`, `text`, `table` or `series`.
        task: name of the task, see `pipeline.tasks.registry`; default classification.
        vocabulary: number of token numbers of text; default 0 for other data.
        preprocess: steps from raw to stored, as JSON objects.
        target: scale of a number to predict: its name, mean and (standard) deviation;
            the number is `output * deviation + mean`. For clean images: their shape,
            and the degradation of the inputs. Empty for other targets.
        inputs: names of a table's columns, in the order of the model's input.
        also: extra targets (see `pipeline.data.extra_targets`), as JSON values.
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
        """Largest raw value of an example of bytes: 255 where inputs are not scaled."""
        if self.scale == 1 and not self.offset:
            return 255
        white = (1.0 - self.offset) / self.scale if self.scale else 0.0
        return round(white) if math.isfinite(white) else 0

    def to_input(self, raw: np.ndarray) -> np.ndarray:
        """Convert stored examples to model inputs, float32 or (text) int32.

        Args:
            raw: stored examples, `(n, *shape)`.
        """
        raw = np.asarray(raw)  # examples in a file are read
        if self.modality == "text":
            return raw.astype(np.int32)
        scaled = raw.astype(np.float32) * np.float32(self.scale)
        return scaled + np.float32(self.offset)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        values = asdict(self)
        if not self.also:  # only data with extra targets have the entry
            del values["also"]
        return values


def write_spec(folder: Path, spec: TaskSpec) -> None:
    """Write spec.json into a folder."""
    write_json(folder / "spec.json", spec.to_json())


def read_spec(folder: Path) -> TaskSpec:
    """Read spec.json of a folder.

    Raises:
        UserError: when it is missing, unreadable, or of another shape.
    """
    values = read_checked(folder / "spec.json", SpecSchema)
    keys = ("shape", "classes", "preprocess", "inputs", "also")
    tuples = {key: tuple(values[key]) for key in keys if key in values}
    return TaskSpec(**{**values, **tuples})
