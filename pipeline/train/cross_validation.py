"""Cross-validation on the training and validation examples together.

In: published data. Out: a training split and a held-out split per fold. Folds are
stratified by class, or by range of the number to predict. A group of the data stage is
in a single fold, and so are the copies of an example that `data.balance` made. Examples
with times have rolling backtests as folds. For anomaly detection each fold holds out
both kinds and trains on the normal examples.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from pipeline.core.errors import UserError
from pipeline.data.artifact import Data, Split
from pipeline.data.examples import Examples
from pipeline.data.series.time_split import rolling
from pipeline.tasks.training import learnable


def folds(data: Data, count: int, seed: int) -> list[tuple[Split, Split]]:
    """Divide training and validation examples into folds.

    Args:
        data: published data.
        count: number of folds, from 2.
        seed: of the assignment of examples to folds.

    Returns:
        The training split and the held-out split of each fold.

    Raises:
        UserError: if there are fewer groups, or examples of a class, than folds.
    """
    train, validation = data.train(), data.validation()
    x = np.concatenate([train.x, validation.x])
    y = np.concatenate([train.y, validation.y])
    pairs = []
    for fitted, held_out in _indices(y, data, count, seed):
        if (mask := learnable(y[fitted], data.spec)) is not None:
            fitted = fitted[mask]
        training = replace(train, x=x[fitted], y=y[fitted])
        pairs.append((training, Split(x[held_out], y[held_out])))
    return pairs


def _indices(
    y: np.ndarray, data: Data, count: int, seed: int
) -> list[tuple[np.ndarray, np.ndarray]]:
    if (times := data.times()) is not None:
        series = data.spec.target
        steps, gap = series.get("horizon", 1), series.get("gap", data.spec.shape[0])
        return rolling(times, steps, gap, count)
    groups = data.groups()
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    labels = y if y.ndim == 1 else np.zeros(len(y), np.int64)  # maps: one stratum
    strata = Examples(labels, labels, data.spec.classes).strata
    if groups is not None and len(np.unique(groups)) < count:
        raise UserError(
            f"train.folds {count}: training and validation examples have only "
            f"{len(np.unique(groups))} groups, and a group is in a single fold; use "
            "fewer folds"
        )
    splitter = kind(count, shuffle=True, random_state=seed)
    try:
        return list(splitter.split(labels.reshape(-1, 1), strata, groups))
    except ValueError as error:
        raise UserError(f"train.folds {count}: {error}; use fewer folds") from None
