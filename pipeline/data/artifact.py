"""The published folder of the data stage, and how later stages read it.

    spec.json            the signature
    <split>_x.npy, _y    stored examples and labels of one split
    <split>_also0.npy    extra targets, in the order of `also` in spec.json
    splits.npz           per split, positions in the source and content hashes;
                         calibration positions in train; group numbers, if any;
                         positions in time of series
    vocabulary.txt       for texts, one word per line
    balance.json         class weights, where classes are balanced

Only `pipeline.data.test_split` reads the test split.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import numpy as np

from pipeline.core.json_io import read_json, write_json
from pipeline.data.arrays import load_arrays
from pipeline.data.features import Step, read_steps
from pipeline.data.spec import TaskSpec, read_spec

EXPERIENCE = "experience.npz"
# Size of a file in bytes; the examples of a larger one are memory-mapped.
MAPPED_ABOVE = 64_000_000


@dataclass(frozen=True)
class Split:
    """Examples of one split.

    Args:
        x: stored examples, `(n, *shape)`; a memory map where the file is large.
        y: stored labels, `(n,)`: class numbers, int64, or standardized numbers,
            float32; or maps, `(n, height, width)` uint8; boxes, `(n, boxes, 5)`; rows
            of numbers, float32.
        class_weights: weight of each class in the training loss; None where all are 1.
    """

    x: np.ndarray
    y: np.ndarray
    class_weights: tuple[float, ...] | None = None

    def __len__(self) -> int:
        return len(self.y)

    def sample(self, count: int, seed: int) -> Split:
        """Draw at most `count` examples at random; they keep their order.

        Args:
            count: positive.
            seed: of the draw.
        """
        if len(self) <= count:
            return self
        drawn = np.random.default_rng(seed).choice(len(self), count, replace=False)
        positions = np.sort(drawn)
        return replace(self, x=self.x[positions], y=self.y[positions])


@dataclass(frozen=True)
class Data:
    """The published data without the test split.

    Args:
        folder: the published folder of the data stage.
        spec: the contents of its spec.json.
        reference: file of outputs that replace the validation labels, `(n, ...)`, where
            files are compared with a model; default None.
        experience: file of states and action values of a trained policy, which take
            the place of the training examples; default None.
    """

    folder: Path
    spec: TaskSpec
    reference: Path | None = None
    experience: Path | None = None

    def train(self) -> Split:
        """Load the split that weights are fitted on."""
        if self.experience is not None:
            return Split(*self._states("train"))
        return replace(load_split(self.folder, "train"), class_weights=self.weights())

    def validation(self) -> Split:
        """Load the split that decisions are made on."""
        if self.experience is not None:
            return Split(*self._states("validation"))
        split = load_split(self.folder, "validation")
        if self.reference is None:
            return split
        return replace(split, y=np.load(self.reference, allow_pickle=False))

    def extra_targets(
        self, split: Literal["train", "validation"]
    ) -> dict[str, np.ndarray]:
        """Load the extra targets of a split.

        Returns:
            Name -> class numbers, int64, or standardized numbers, float32; `(n,)`.

        Raises:
            ValueError: for the test split, which is not read here.
        """
        _check_open(split)
        return {
            target["name"]: np.load(
                extra_target_path(self.folder, split, number), allow_pickle=False
            )
            for number, target in enumerate(self.spec.also)
        }

    def weights(self) -> tuple[float, ...] | None:
        """Return the class weights; None unless `data.balance` is `weights`."""
        path = self.folder / "balance.json"
        balance = read_json(path) if path.exists() else {}
        weighted = balance.get("mode") == "weights"
        return tuple(balance["class_weights"]) if weighted else None

    def steps(self) -> tuple[Step, ...]:
        """Return the preprocessing from raw examples to stored ones."""
        return read_steps(self.spec.preprocess, self.folder)

    def groups(self) -> np.ndarray | None:
        """Return the groups that later splits must not separate.

        Returns:
            Group numbers of the training examples, then of the validation examples,
            `(n,)` int64; None where every example is its own group.
        """
        with np.load(self.folder / "splits.npz") as splits:
            if "train_group" not in splits:
                return None
            return np.append(splits["train_group"], splits["validation_group"])

    def times(self) -> np.ndarray | None:
        """Return the positions in time of the examples.

        Returns:
            Those of the first targets of the training examples, then of the validation
            examples, `(n,)` int64; None for examples without an order in time.
        """
        with np.load(self.folder / "splits.npz") as splits:
            if "train_time" not in splits:
                return None
            return np.append(splits["train_time"], splits["validation_time"])

    def calibration(self) -> Split:
        """Load the training examples that determine int8 ranges."""
        with np.load(self.folder / "splits.npz") as splits:
            positions = splits["calibration"]
        train = self.train()
        if self.experience is not None:  # it has as many states as there were steps
            positions = positions % len(train)
        return Split(train.x[positions], train.y[positions])

    def _states(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        with np.load(self.experience or "") as arrays:
            return arrays[f"{split}_x"], arrays[f"{split}_y"]


def with_experience(data: Data, train: Path) -> Data:
    """Return data whose training examples are states of the trained policy.

    Args:
        data: published data.
        train: published folder of the train stage; without the file, examples are those
            of the data stage.
    """
    path = train / EXPERIENCE
    return replace(data, experience=path) if path.is_file() else data


def write_experience(
    folder: Path, train: tuple[np.ndarray, ...], validation: tuple[np.ndarray, ...]
) -> None:
    """Write the file that `with_experience` reads.

    Args:
        folder: of the train stage.
        train: states as stored, `(n, *shape)`, and rows of the seed of an episode and
            the action values, `(n, 1 + actions)`, float32.
        validation: likewise, the first states of the validation episodes.
    """
    np.savez(
        folder / EXPERIENCE,
        train_x=train[0],
        train_y=train[1],
        validation_x=validation[0],
        validation_y=validation[1],
    )


def read_data(folder: Path) -> Data:
    """Open the published folder of the data stage."""
    return Data(folder, read_spec(folder))


def extra_target_path(folder: Path, split: str, number: int) -> Path:
    """Return the file of an extra target.

    Args:
        folder: the published folder of the data stage.
        split: train, validation or test.
        number: position in `also` of spec.json.
    """
    return folder / f"{split}_also{number}.npy"


def write_balance(folder: Path, mode: str, weights: list[float]) -> None:
    """Write balance.json.

    Args:
        folder: the folder of the data stage.
        mode: the value of `data.balance`.
        weights: weight of each class.
    """
    write_json(folder / "balance.json", {"mode": mode, "class_weights": weights})


def load_split(folder: Path, split: Literal["train", "validation"]) -> Split:
    """Load one split; the examples of a large file are memory-mapped.

    Raises:
        UserError: when a file is missing or damaged.
        ValueError: for the test split, which is not read here.
    """
    _check_open(split)
    x, y = load_arrays(folder, split, MAPPED_ABOVE)
    return Split(x, y)


def _check_open(split: str) -> None:
    if split not in ("train", "validation"):
        raise ValueError(f"{split}: only pipeline.data.test_split reads this split")
