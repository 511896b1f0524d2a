"""1 for an anomaly, 0 for a normal example; the training split holds normal ones alone.

Validation and test keep both kinds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.errors import UserError, nearest
from pipeline.tasks.targets import Labels, SplitIndices, Prepared

CLASSES = ("normal", "anomaly")


def _prepare(labels: Labels, params: Any) -> Prepared:
    y = anomalies(labels.y, labels.classes, params)
    indices = normal_only(labels.indices, y)
    left_out = len(labels.indices["train"]) - len(indices["train"])
    facts = {"anomalies_left_out_of_train": left_out}
    return Prepared(y, CLASSES, indices, facts=facts)


def anomalies(y: np.ndarray, classes: tuple[str, ...], params: Any) -> np.ndarray:
    """1 for examples of a class that is not in `data.normal`, else 0; `(n,)` int64.

    Raises:
        UserError: when a normal class is not in the source, or all classes are normal.
    """
    unknown = [name for name in params.normal if name not in classes]
    if unknown or len(set(params.normal)) >= len(classes):
        hint = nearest(unknown[0], classes) if unknown else ""
        problem = f'"{unknown[0]}" is no class' if unknown else "every class is normal"
        raise UserError(
            f'data.normal: {problem} of "{params.source}"{hint} (its classes: '
            f"{', '.join(classes)}; at least one must be left as the anomaly)"
        )
    normal = [classes.index(name) for name in params.normal]
    return (~np.isin(y, normal)).astype(np.int64)


def normal_only(indices: SplitIndices, y: np.ndarray) -> SplitIndices:
    """The splits, with the anomalies left out of train."""
    train = indices["train"]
    return {**indices, "train": train[y[train] == 0]}


TARGETS = _prepare
