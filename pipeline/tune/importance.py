"""Importance of hyperparameters, from a random forest fitted on the trials.

In: values and scores. Out: name -> fraction of the explained variance; they sum to 1.
Hutter, Hoos, Leyton-Brown, An Efficient Approach for Assessing Hyperparameter
Importance, 2014, with the mean decrease in impurity instead of functional ANOVA.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor

MINIMUM_TRIALS = 4
TREES = 100
Values = dict[str, Any]


def importance(
    values: Sequence[Values], scores: Sequence[float], names: Sequence[str]
) -> dict[str, float]:
    """Estimate the importance of each hyperparameter.

    Args:
        values: hyperparameters of each trial.
        scores: score of each trial.
        names: hyperparameters to compare.

    Returns:
        Name -> fraction, largest first; empty with too few trials or equal scores.
    """
    if len(scores) < MINIMUM_TRIALS or len(set(scores)) < 2 or not names:
        return {}
    x = np.array([numeric_column(values, name) for name in names]).T
    forest = RandomForestRegressor(TREES, random_state=1, n_jobs=1)
    forest.fit(x, np.array(scores))
    fractions = [round(float(value), 4) for value in forest.feature_importances_]
    order = sorted(zip(names, fractions), key=lambda pair: (-pair[1], pair[0]))
    return dict(order)


def numeric_column(values: Sequence[Values], name: str) -> list[float]:
    """Return one hyperparameter of all trials as numbers.

    Args:
        values: hyperparameters of each trial.
        name: the hyperparameter.

    Returns:
        A number per trial: texts are numbered alphabetically; -1 if inactive.
    """
    column = [trial.get(name) for trial in values]
    texts = sorted({value for value in column if isinstance(value, str)})
    return [_number(value, texts) for value in column]


def _number(value: Any, texts: list[str]) -> float:
    if value is None:
        return -1.0
    return float(texts.index(value) if isinstance(value, str) else value)
