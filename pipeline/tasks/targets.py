"""The `targets` part of a task: from the labels of a source to training targets.

In: labels of all examples as the reader returns them, and the splits. Out: targets,
class names, splits, and the scale of a number to predict. The data stage stores the
result.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

IGNORED = 255  # class number of pixels without a label, in masks and in the loss
PADDING = 0  # token number where a text has ended
SplitIndices = Mapping[str, np.ndarray]  # split -> positions of its examples


@dataclass(frozen=True)
class Target:
    """Scale of a number to predict: `number = output * deviation + mean`.

    Args:
        name: name of the column or array.
        mean: mean over the training split.
        deviation: standard deviation over the training split; 1 where that is 0.
    """

    name: str
    mean: float
    deviation: float

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Standardize numbers to the scale of the model's output, float32."""
        return ((y - self.mean) / self.deviation).astype(np.float32)

    def numbers(self, y: np.ndarray) -> np.ndarray:
        """Return the numbers to predict, of which the range is reported."""
        return y

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


class Scale(Protocol):
    """Scale of numbers to predict: a `Target`, or that of a task's own."""

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Return targets as they are stored, float32."""

    def numbers(self, y: np.ndarray) -> np.ndarray:
        """Return the numbers to predict, of which the range is reported."""

    def to_json(self) -> dict[str, Any]:
        """Return the `target` of spec.json."""


def learn_target(name: str, y: np.ndarray) -> Target:
    """Compute the scale of a number to predict.

    Args:
        name: name of the column or array.
        y: numbers of the training split, `(n,)`.
    """
    return Target(name, float(y.mean()), float(y.std()) or 1.0)


@dataclass(frozen=True)
class Labels:
    """Labels of all examples of all sources.

    Args:
        y: class numbers, or numbers to predict, `(n,)`.
        classes: class names; empty for numbers.
        indices: split -> positions.
        first: number of examples of the first source; scales are computed on its
            training split only.
        facts: of the source, for tasks with a kind of labels that needs more than
            numbers; default none.
    """

    y: np.ndarray
    classes: tuple[str, ...]
    indices: SplitIndices
    first: int
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def teaching(self) -> np.ndarray:
        """Labels that scales are computed from."""
        train = self.indices["train"]
        return self.y[train[train < self.first]]


@dataclass(frozen=True)
class Prepared:
    """Targets of all examples.

    Args:
        y: training targets before scaling, `(n,)`.
        classes: names of the classes in `y`; empty for numbers.
        indices: split -> positions; some examples may be left out.
        target: scale of the numbers in `y`; default None: class numbers.
        facts: entries of metrics.json; default none.
    """

    y: np.ndarray
    classes: tuple[str, ...]
    indices: SplitIndices
    target: Scale | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Targets(Protocol):
    """The `targets` part of a task."""

    def __call__(self, labels: Labels, params: Any) -> Prepared:
        """Prepare targets.

        Args:
            labels: labels of all examples of all sources.
            params: the data section of the experiment file.

        Raises:
            UserError: when the labels do not fit the task.
        """


@dataclass(frozen=True)
class SeriesColumns:
    """Columns of the targets of a forecast, which are rows of numbers.

    Next to the numbers to predict, a row holds what its forecast is compared with, so
    that metrics need nothing else.

    Args:
        horizon: steps that are predicted.
        count: number of series that are predicted together.
    """

    horizon: int
    count: int

    @property
    def size(self) -> int:
        """Numbers to predict."""
        return self.horizon * self.count

    def join(
        self,
        targets: np.ndarray,
        naive: np.ndarray,
        scale: np.ndarray,
        level: np.ndarray,
        block: np.ndarray,
    ) -> np.ndarray:
        """Return rows, float64 `(n, 2 * size + 2 * count + 1)`.

        Args:
            targets: numbers to predict, `(n, horizon, count)`.
            naive: the seasonal naive forecast, like `targets`.
            scale: its mean error in training, `(n, count)`.
            level: what is added to an output to undo an anchor, `(n, count)`.
            block: number of the block that a bootstrap draws together, `(n,)`.
        """
        flat = [part.reshape(len(part), -1) for part in (targets, naive)]
        parts = [*flat, scale, level, block[:, None]]
        return np.concatenate([part.astype(np.float64) for part in parts], axis=1)

    def targets(self, y: Any) -> Any:
        """Return the numbers to predict, `(n, horizon, count)`."""
        return y[:, : self.size].reshape(-1, self.horizon, self.count)

    def naive(self, y: Any) -> Any:
        """Return the seasonal naive forecast, `(n, horizon, count)`."""
        part = y[:, self.size : 2 * self.size]
        return part.reshape(-1, self.horizon, self.count)

    def scale(self, y: Any) -> Any:
        """Return the scale of errors, `(n, count)`."""
        return y[:, 2 * self.size : 2 * self.size + self.count]

    def level(self, y: Any) -> Any:
        """Return the level, `(n, count)`."""
        return y[:, 2 * self.size + self.count : -1]

    def block(self, y: Any) -> Any:
        """Return the block, `(n,)`."""
        return y[:, -1]
