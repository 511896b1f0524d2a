"""What the data stage publishes, and how later stages read it.

    spec.json            the signature
    <split>_x.npy, _y    raw examples and class numbers of one split
    splits.npz           positions in the source and content hashes, per split,
                         and which training examples are for calibration

The test split is read by `pipeline.data.heldout` alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.data.spec import TaskSpec, read_spec
from pipeline.engine.errors import UserError


@dataclass(frozen=True)
class Split:
    """Examples `x`, raw, `(n, *shape)`, and class numbers `y`, `(n,)` int64."""

    x: np.ndarray
    y: np.ndarray

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Data:
    """The published data, except what is held out."""

    folder: Path
    spec: TaskSpec

    def train(self) -> Split:
        """What weights are fitted on."""
        return load_split(self.folder, "train")

    def validation(self) -> Split:
        """What decisions are made on."""
        return load_split(self.folder, "validation")

    def calibration(self) -> Split:
        """The recorded part of the training split that sets int8 ranges."""
        with np.load(self.folder / "splits.npz") as splits:
            chosen = splits["calibration"]
        train = self.train()
        return Split(train.x[chosen], train.y[chosen])


def read_data(folder: Path) -> Data:
    """Open the published folder of the data stage."""
    return Data(folder, read_spec(folder))


def write_split(folder: Path, name: str, split: Split) -> None:
    """Write one split."""
    np.save(folder / f"{name}_x.npy", split.x)
    np.save(folder / f"{name}_y.npy", split.y)


def load_split(folder: Path, name: str) -> Split:
    """Read one split into memory."""
    paths = (folder / f"{name}_x.npy", folder / f"{name}_y.npy")
    try:
        return Split(*(np.load(path, allow_pickle=False) for path in paths))
    except (OSError, ValueError) as error:
        raise UserError(f"{folder}: the {name} split is unreadable: {error}") from None
