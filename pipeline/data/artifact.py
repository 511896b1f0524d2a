"""What the data stage publishes, and how later stages read it.

    spec.json            the signature
    <split>_x.npy, _y    stored examples and class numbers of one split
    <split>_also0.npy    of further targets, in the order of spec.json's `also`
    splits.npz           positions in the source and content hashes, per split,
                         and which training examples are for calibration; numbers
                         of groups, where there are any
    vocabulary.txt       of texts, a word a line
    balance.json         class weights, where classes are balanced

The test split is read by `pipeline.data.test_split` alone.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.data.arrays import load_arrays
from pipeline.data.features import Step, read_steps
from pipeline.data.spec import TaskSpec, read_spec
from pipeline.core.json_io import read_json, write_json

LARGE = 64_000_000  # bytes of a split that stay on the disk and are read in pieces


@dataclass(frozen=True)
class Split:
    """Examples of one split.

    Args:
        x: stored examples, `(n, *shape)`; a memory map where they are many.
        y: class numbers, `(n,)` int64.
        class_weights: of each class in the training loss; None where all weigh 1.
    """

    x: np.ndarray
    y: np.ndarray
    class_weights: tuple[float, ...] | None = None

    def __len__(self) -> int:
        return len(self.y)


@dataclass(frozen=True)
class Data:
    """The published data, except what is held out."""

    folder: Path
    spec: TaskSpec

    def train(self) -> Split:
        """What weights are fitted on."""
        return replace(load_split(self.folder, "train"), class_weights=self.weights())

    def validation(self) -> Split:
        """What decisions are made on."""
        return load_split(self.folder, "validation")

    def also(self, name: Literal["train", "validation"]) -> dict[str, np.ndarray]:
        """Further targets of a split: name -> classes or numbers, `(n,)`."""
        _check_open(name)
        return {
            target["name"]: np.load(
                also_path(self.folder, name, at), allow_pickle=False
            )
            for at, target in enumerate(self.spec.also)
        }

    def weights(self) -> tuple[float, ...] | None:
        """The weights of classes, where `data.balance` is `weights`."""
        path = self.folder / "balance.json"
        recorded = read_json(path) if path.exists() else {}
        weighs = recorded.get("mode") == "weights"
        return tuple(recorded["class_weights"]) if weighs else None

    def steps(self) -> tuple[Step, ...]:
        """What turns raw examples into stored ones."""
        return read_steps(self.spec.preprocess, self.folder)

    def groups(self) -> np.ndarray | None:
        """The group of each training example, then of each validation example.

        None where each stands for itself; numbers, `(n,)`, as in `split.group`.
        """
        with np.load(self.folder / "splits.npz") as splits:
            if "train_group" not in splits:
                return None
            return np.append(splits["train_group"], splits["validation_group"])

    def calibration(self) -> Split:
        """The recorded part of the training split that sets int8 ranges."""
        with np.load(self.folder / "splits.npz") as splits:
            chosen = splits["calibration"]
        train = self.train()
        return Split(train.x[chosen], train.y[chosen])


def read_data(folder: Path) -> Data:
    """Open the published folder of the data stage."""
    return Data(folder, read_spec(folder))


def also_path(folder: Path, split: str, number: int) -> Path:
    """Where the values of further target `number` of spec.json are."""
    return folder / f"{split}_also{number}.npy"


def write_balance(folder: Path, mode: str, weights: list[float]) -> None:
    """Write balance.json."""
    write_json(folder / "balance.json", {"mode": mode, "class_weights": weights})


def load_split(folder: Path, name: Literal["train", "validation"]) -> Split:
    """One split into memory, or its examples mapped where they are many.

    Raises:
        ValueError: for the test split, which is not read here.
    """
    _check_open(name)
    x, y = load_arrays(folder, name, LARGE)
    return Split(x, y)


def _check_open(name: str) -> None:
    if name not in ("train", "validation"):
        raise ValueError(f"{name}: read by pipeline.data.test_split alone")
