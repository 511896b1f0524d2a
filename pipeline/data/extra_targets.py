"""Extra targets (`data.extra_targets`): what else a data set records of each example.

In: a text or a number per example, from a column, an array or a file name.
Out: what the data stage stores beside y, and its description in spec.json, so that
`train.heads` can learn it: Caruana, Multitask Learning, 1997.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.core.errors import UserError
from pipeline.data.sources.reader import in_order
from pipeline.tasks.targets import learn_target


@dataclass(frozen=True)
class ExtraTarget:
    """Description of one extra target.

    Args:
        name: the column, array or field of the file name.
        kind: class or number.
        classes: one name per class; empty for a number.
        mean: of a number in the training split.
        deviation: standard deviation of a number in the training split:
            `number = stored * deviation + mean`.
    """

    name: str
    kind: str
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0

    def stored(self, values: np.ndarray) -> np.ndarray:
        """Return values as they are stored.

        Args:
            values: `(n,)` of str for classes, float64 for numbers.

        Returns:
            Class numbers, int64, or standardized numbers, float32; `(n,)`.
        """
        if self.kind == "number":
            return ((values - self.mean) / self.deviation).astype(np.float32)
        class_number = {name: number for number, name in enumerate(self.classes)}
        return np.array([class_number[value] for value in values.tolist()], np.int64)

    def to_json(self) -> dict[str, Any]:
        """Return the description as a JSON value."""
        return asdict(self)


def learn_extra_target(
    name: str, kind: str, values: np.ndarray, train: np.ndarray
) -> ExtraTarget:
    """Describe an extra target from the training examples.

    Args:
        name: the column, array or field of the file name.
        kind: class or number.
        values: of all examples, `(n,)` of str for classes, float64 for numbers.
        train: positions of the examples that set the scale of numbers.

    Raises:
        UserError: when the training examples have fewer than two different values.
    """
    present = np.unique(values[train])
    if len(present) < 2:
        only = ", ".join(map(str, present)) or "none"
        raise UserError(
            f'data.extra_targets "{name}": the training split has a single {kind} '
            f"({only}); at least two are needed: remove this target"
        )
    if kind == "class":
        return ExtraTarget(name, kind, in_order(set(values.tolist())))
    target = learn_target(name, values[train])
    return ExtraTarget(name, kind, mean=target.mean, deviation=target.deviation)


def as_values(texts: Sequence[str], kind: str) -> np.ndarray:
    """Convert fields of a file to values of an extra target.

    Args:
        texts: one per example; for numbers, texts that hold numbers.
        kind: class or number.

    Returns:
        `(n,)` of str for classes, float64 for numbers.
    """
    return np.array(texts, dtype=str if kind == "class" else np.float64)
