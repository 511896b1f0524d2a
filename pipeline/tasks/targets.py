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

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


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
    """

    y: np.ndarray
    classes: tuple[str, ...]
    indices: SplitIndices
    first: int

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
    target: Target | None = None
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
