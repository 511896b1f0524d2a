"""Cross-validation keeps together what belongs together, for every task."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.artifact import Data, Split
from pipeline.data.spec import TaskSpec
from pipeline.train.cross_validation import folds

RNG = np.random.default_rng(2)
X = np.arange(120, dtype=np.float32)[:, None]  # an example identifies itself
CUT = (80, 40)


class InMemoryData(Data):
    """Data in memory."""

    def __init__(self, task: str, y: np.ndarray, groups: np.ndarray | None = None):
        classes = () if task == "regression" else ("a", "b")
        spec = TaskSpec("x", "x:x", (1,), "float32", classes, task=task)
        super().__init__(Path(), spec)
        object.__setattr__(self, "arrays", (y, groups))

    def train(self) -> Split:
        return Split(X[: CUT[0]], self.arrays[0][: CUT[0]], class_weights=(1.0, 2.0))

    def validation(self) -> Split:
        return Split(X[CUT[0] :], self.arrays[0][CUT[0] :])

    def groups(self) -> np.ndarray | None:
        return self.arrays[1]

    def times(self) -> None:
        """These examples have no times."""


def identities(split: Split) -> np.ndarray:
    return split.x[:, 0].astype(int)


Y = {
    "classification": np.arange(120) % 2,
    "regression": RNG.normal(size=120).astype(np.float32),
    "anomaly_detection": np.repeat([0, 1], [100, 20]),
    "segmentation": RNG.integers(0, 2, (120, 2, 2)).astype(np.uint8),
    "embedding": np.arange(120) % 2,
}


@pytest.mark.parametrize("task", Y)
def test_every_example_is_held_out_once_and_never_trained_on_then(task):
    parts = folds(InMemoryData(task, Y[task]), 4, 1)
    held_out = np.concatenate([identities(one) for _, one in parts])
    assert sorted(held_out) == list(range(120))
    for train, one in parts:
        assert not set(identities(train)) & set(identities(one))
        assert np.array_equal(train.y, Y[task][identities(train)])
        assert train.class_weights == (1.0, 2.0) and one.class_weights is None


def test_folds_of_an_anomaly_task_train_on_normal_ones_and_hold_both_kinds():
    for train, held_out in folds(
        InMemoryData("anomaly_detection", Y["anomaly_detection"]), 4, 1
    ):
        assert set(train.y) == {0} and len(train) == 75
        assert np.bincount(held_out.y).tolist() == [25, 5]


def test_folds_of_numbers_have_small_ones_and_large_ones():
    for _, held_out in folds(InMemoryData("regression", Y["regression"]), 4, 1):
        assert held_out.y.min() < -0.5 and held_out.y.max() > 0.5


@pytest.mark.parametrize("task", Y)
def test_a_group_is_in_one_fold_alone(task):
    groups = RNG.permutation(np.arange(120) % 12)
    parts = folds(InMemoryData(task, Y[task], groups), 4, 1)
    for train, held_out in parts:
        assert not set(groups[identities(train)]) & set(groups[identities(held_out)])
    alone = folds(
        InMemoryData(task, Y[task]), 4, 1
    )  # the control: without groups they mix
    assert any(
        set(groups[identities(a)]) & set(groups[identities(b)]) for a, b in alone
    )


def test_fewer_groups_than_folds_is_an_error():
    with pytest.raises(UserError, match="train.folds 4: .* have only 3 groups"):
        folds(
            InMemoryData("classification", Y["classification"], np.arange(120) % 3),
            4,
            1,
        )


def test_more_folds_than_examples_of_any_class_is_an_error():
    with pytest.raises(UserError, match="train.folds 70: .*use fewer folds"):
        folds(InMemoryData("classification", Y["classification"]), 70, 1)
