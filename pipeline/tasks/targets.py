"""From a source's labels to the targets that a model is trained on.

In: labels of all examples as a reader has them, and the splits. Out: targets, class
names, splits, and the scale of a number to predict. The data stage stores what comes out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol

import numpy as np

SplitIndices = Mapping[str, np.ndarray]  # split -> positions of its examples


@dataclass(frozen=True)
class Target:
    """The scale of a number to predict: `number = output * deviation + mean`.

    Args:
        name: of the column or array.
        mean: of the training split.
        deviation: standard deviation in the training split; 1 where that is 0.
    """

    name: str
    mean: float
    deviation: float

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Numbers on the scale of the model's output, float32, same shape."""
        return ((y - self.mean) / self.deviation).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """A JSON value."""
        return asdict(self)


def learn_target(name: str, y: np.ndarray) -> Target:
    """The scale of numbers, `(n,)`."""
    return Target(name, float(y.mean()), float(y.std()) or 1.0)


@dataclass(frozen=True)
class Labels:
    """Labels of all examples of all sources.

    Args:
        y: class numbers, or numbers to predict, `(n,)`.
        classes: class names; empty for numbers.
        indices: split -> positions.
        first: how many examples the first source has, whose training split alone sets
            scales.
    """

    y: np.ndarray
    classes: tuple[str, ...]
    indices: SplitIndices
    first: int

    @property
    def teaching(self) -> np.ndarray:
        """Labels that scales are learned from."""
        train = self.indices["train"]
        return self.y[train[train < self.first]]


@dataclass(frozen=True)
class Prepared:
    """Targets of all examples.

    Args:
        y: as they are trained on, before scaling.
        classes: names of the classes in `y`.
        indices: split -> positions; some examples may be left out.
        target: scale of the numbers in `y`, if they are any.
        facts: for metrics.json.
    """

    y: np.ndarray
    classes: tuple[str, ...]
    indices: SplitIndices
    target: Target | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)


class Targets(Protocol):
    """The `targets` part of a task."""

    def __call__(self, labels: Labels, params: Any) -> Prepared:
        """Prepare targets.

        Args:
            params: the data section of the experiment file.

        Raises:
            UserError: when the labels do not serve the task.
        """
