"""Targets of anomaly detection: 1 for an anomaly, 0 for a normal example.

The training split holds normal examples only; validation and test hold both kinds.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.core.errors import UserError, did_you_mean
from pipeline.tasks.targets import Labels, Prepared, SplitIndices

CLASSES = ("normal", "anomaly")


def _prepare(labels: Labels, params: Any) -> Prepared:
    y = anomalies(labels.y, labels.classes, params)
    indices = normal_only(labels.indices, y)
    left_out = len(labels.indices["train"]) - len(indices["train"])
    facts = {"anomalies_left_out_of_train": left_out}
    return Prepared(y, CLASSES, indices, facts=facts)


def anomalies(y: np.ndarray, classes: tuple[str, ...], params: Any) -> np.ndarray:
    """Return 1 for examples of a class that is not in `data.normal`, else 0.

    Args:
        y: class numbers, `(n,)`.
        classes: names of the classes of the source.
        params: the data section of the experiment file.

    Returns:
        int64 `(n,)`.

    Raises:
        UserError: when a normal class is not in the source, or all classes are normal.
    """
    unknown = [name for name in params.normal if name not in classes]
    if unknown or len(set(params.normal)) >= len(classes):
        hint = did_you_mean(unknown[0], classes) if unknown else ""
        problem = f'no class "{unknown[0]}"' if unknown else "every class is normal"
        raise UserError(
            f'data.normal: {problem} in "{params.source}"{hint} (classes: '
            f"{', '.join(classes)}; leave out at least one, which is the anomaly)"
        )
    normal = [classes.index(name) for name in params.normal]
    return (~np.isin(y, normal)).astype(np.int64)


def normal_only(indices: SplitIndices, y: np.ndarray) -> SplitIndices:
    """Return the splits without the anomalies of the training split."""
    train = indices["train"]
    return {**indices, "train": train[y[train] == 0]}


TARGETS = _prepare
