"""How much each hyperparameter decided, by a forest fitted on the trials.

In: values and scores. Out: name -> part of the explained variance, summing to 1.
Hutter, Hoos, Leyton-Brown, An Efficient Approach for Assessing Hyperparameter
Importance, 2014, with the mean decrease of impurity for their analysis of variance.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestRegressor

FEWEST = 4  # trials
TREES = 100
Values = dict[str, Any]


def importance(
    values: Sequence[Values], scores: Sequence[float], names: Sequence[str]
) -> dict[str, float]:
    """Empty where there are too few trials, or all score alike."""
    if len(scores) < FEWEST or len(set(scores)) < 2 or not names:
        return {}
    x = np.array([column(values, name) for name in names]).T
    forest = RandomForestRegressor(TREES, random_state=1, n_jobs=1)
    forest.fit(x, np.array(scores))
    parts = [round(float(part), 4) for part in forest.feature_importances_]
    return dict(sorted(zip(names, parts), key=lambda pair: (-pair[1], pair[0])))


def column(values: Sequence[Values], name: str) -> list[float]:
    """One hyperparameter of all trials as numbers; -1 where it does not count.

    Texts are numbered in the order of the alphabet.
    """
    given = [one.get(name) for one in values]
    texts = sorted({one for one in given if isinstance(one, str)})
    return [_number(one, texts) for one in given]


def _number(value: Any, texts: list[str]) -> float:
    if value is None:
        return -1.0
    return float(texts.index(value) if isinstance(value, str) else value)
