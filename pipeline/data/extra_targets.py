"""Further targets (`data.also`): what else a data set says of each example.

In: a text or a number for each example, from a column, an array or a file's name.
Out: what the data stage stores of it beside y, and how spec.json describes it, so that
`train.heads` can learn it: Caruana, Multitask Learning, 1997.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.data.sources.reader import in_order
from pipeline.data.task import learn_target
from pipeline.core.errors import UserError


@dataclass(frozen=True)
class Further:
    """One further target.

    Args:
        kind: class or number.
        classes: one name a class; none for a number.
        mean, deviation: of a number, which is `stored * deviation + mean`.
    """

    name: str
    kind: str
    classes: tuple[str, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0

    def stored(self, values: np.ndarray) -> np.ndarray:
        """Class numbers, int64, or standardised numbers, float32; `(n,)`."""
        if self.kind == "number":
            return ((values - self.mean) / self.deviation).astype(np.float32)
        number = {name: at for at, name in enumerate(self.classes)}
        return np.array([number[value] for value in values.tolist()], np.int64)

    def to_json(self) -> dict[str, Any]:
        """A JSON value."""
        return asdict(self)


def learn_further(
    name: str, kind: str, values: np.ndarray, train: np.ndarray
) -> Further:
    """Describe a target.

    Args:
        values: of all examples; train: positions of those that teach the scale.

    Raises:
        UserError: when there is nothing to tell apart in the training split.
    """
    there = np.unique(values[train])
    if len(there) < 2:
        only = ", ".join(map(str, there)) or "none"
        raise UserError(
            f'data.also "{name}": the training split has one {kind} of it ({only}); '
            "two are needed to learn anything: leave it out"
        )
    if kind == "class":
        return Further(name, kind, in_order(set(values.tolist())))
    target = learn_target(name, values[train])
    return Further(name, kind, mean=target.mean, deviation=target.deviation)


def as_values(texts: Sequence[str], kind: str) -> np.ndarray:
    """What readers hand over: `(n,)` of str, or float64."""
    return np.array(texts, dtype=str if kind == "class" else np.float64)
