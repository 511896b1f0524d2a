"""Cross-validation on the training and validation examples together.

In: published data. Out: a training and a held-out part for each fold. Folds are
stratified, by class or by range of the number to predict; a group of the data stage
is in one fold alone, and so are the copies of an example that `data.balance` made.
Of an anomaly task each fold holds both kinds, and trains on the normal ones.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from pipeline.data.artifact import Data, Split
from pipeline.data.examples import Examples
from pipeline.core.errors import UserError


def folds(data: Data, count: int, seed: int) -> list[tuple[Split, Split]]:
    """Training part and held-out part of each fold.

    Raises:
        UserError: when there are too few groups, or examples of every class.
    """
    train, held = data.train(), data.validation()
    x, y = np.concatenate([train.x, held.x]), np.append(train.y, held.y)
    made = []
    for first, second in _cut(y, data, count, seed):
        if data.spec.task == "reconstruction":
            first = first[y[first] == 0]
        made.append(
            (replace(train, x=x[first], y=y[first]), Split(x[second], y[second]))
        )
    return made


def _cut(
    y: np.ndarray, data: Data, count: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    groups = data.groups()
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    strata = Examples(y, y, data.spec.classes).strata
    if groups is not None and len(np.unique(groups)) < count:
        raise UserError(
            f"train.folds {count}: training and validation examples are of "
            f"{len(np.unique(groups))} groups, and no group is in two folds; ask for "
            "fewer folds"
        )
    cut = kind(count, shuffle=True, random_state=seed)
    try:
        return list(cut.split(y.reshape(-1, 1), strata, groups))
    except ValueError as error:
        raise UserError(f"train.folds {count}: {error}; ask for fewer folds") from None
