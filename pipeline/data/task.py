"""What a task makes of labels: anomalies and what is normal, or numbers on one scale.

An anomaly detector is trained on normal examples alone (Chandola, Banerjee, Kumar,
Anomaly Detection: A Survey, 2009, semi-supervised detection); validation and test
keep both kinds. Numbers to predict are standardised with the training split's mean
and deviation, which spec.json holds, so that a file's output can be read.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.data.params import DataParams
from pipeline.data.split import Places
from pipeline.core.errors import UserError, nearest

ANOMALY_CLASSES = ("normal", "anomaly")
# What the experiment file says -> what the signature says of the model.
TASKS = {
    "classification": "classification",
    "regression": "regression",
    "anomaly": "reconstruction",
}


@dataclass(frozen=True)
class Target:
    """The scale of the numbers to predict: `number = output * deviation + mean`."""

    name: str
    mean: float
    deviation: float

    def scaled(self, y: np.ndarray) -> np.ndarray:
        """Numbers as the model is to say them, float32, same shape."""
        return ((y - self.mean) / self.deviation).astype(np.float32)

    def to_json(self) -> dict[str, Any]:
        """A JSON value."""
        return asdict(self)


def learn_target(name: str, y: np.ndarray) -> Target:
    """The scale of the training split's numbers, `(n,)`."""
    return Target(name, float(y.mean()), float(y.std()) or 1.0)


def anomalies(
    y: np.ndarray, classes: tuple[str, ...], params: DataParams
) -> np.ndarray:
    """1 for examples of a class that is not normal, else 0; `(n,)` int64.

    Raises:
        UserError: when a normal class is not in the source, or all of them are normal.
    """
    unknown = [name for name in params.normal if name not in classes]
    if unknown or len(set(params.normal)) >= len(classes):
        hint = nearest(unknown[0], classes) if unknown else ""
        what = f'"{unknown[0]}" is no class' if unknown else "every class is normal"
        raise UserError(
            f'data.normal: {what} of "{params.source}"{hint} (its classes: '
            f"{', '.join(classes)}; at least one must be left as the anomaly)"
        )
    normal = [classes.index(name) for name in params.normal]
    return (~np.isin(y, normal)).astype(np.int64)


def normal_only(places: Places, y: np.ndarray) -> Places:
    """The splits, train without anomalies."""
    train = places["train"]
    return {**places, "train": train[y[train] == 0]}
