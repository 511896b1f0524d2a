"""Classes of which each is in one split: by class folder, or by a field of the name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.examples import Examples
from pipeline.data.identities import by_identity, with_all_classes
from pipeline.data.params import DataParams
from pipeline.data.split import split
from pipeline.data.split_params import SplitParams

CLASSES = tuple("abcdefgh")
Y = np.repeat(np.arange(8), 5)
EXAMPLES = Examples(np.zeros((40, 2)), Y, CLASSES)


def params(**values) -> DataParams:
    return DataParams.model_validate({"source": "wav:x", "task": "embedding", **values})


def classes_of(examples: Examples, **values) -> dict[str, set[int]]:
    parts = split(examples, SplitParams(**values), 1)
    return {name: set(examples.y[rows].tolist()) for name, rows in parts.items()}


class TestSplit:
    def test_a_class_is_in_one_split_and_each_has_two(self):
        parts = classes_of(by_identity(EXAMPLES, params()))
        assert sum(map(len, parts.values())) == len(set.union(*parts.values())) == 8
        assert min(map(len, parts.values())) >= 2

    def test_six_classes_are_enough(self):
        few = replace(EXAMPLES, y=Y[:30], x=EXAMPLES.x[:30])
        parts = classes_of(by_identity(few, params()))
        assert [len(parts[name]) for name in parts] == [2, 2, 2]

    def test_too_few_classes_are_one_error(self):
        few = by_identity(replace(EXAMPLES, y=Y[:25], x=EXAMPLES.x[:25]), params())
        with pytest.raises(UserError, match="no class is in two splits"):
            classes_of(few)

    def test_folds_hold_out_other_classes(self):
        tested = [
            classes_of(by_identity(EXAMPLES, params()), folds=4, fold=fold)["test"]
            for fold in range(4)
        ]
        assert set.union(*tested) == set(range(8))
        assert sum(map(len, tested)) == 8


class TestIdentities:
    def test_a_group_replaces_the_class(self):
        speakers = np.array(["theo", "anna"] * 20)
        grouped = replace(EXAMPLES, groups=speakers)
        by = params(file_name="{speaker}_{index}", split={"group": "speaker"})
        found = by_identity(grouped, by)
        assert found.classes == ("anna", "theo") and found.unseen
        assert [found.classes[k] for k in found.y] == speakers.tolist()

    def test_a_later_source_brings_other_classes(self):
        first = by_identity(EXAMPLES, params())
        second = replace(first, classes=("z", "c", "y"), y=np.array([0, 1, 2]))
        one, two = with_all_classes([first, second])
        assert one.classes == two.classes == (*CLASSES, "y", "z")
        assert np.array_equal(one.y, first.y)
        assert [two.classes[k] for k in two.y] == ["z", "c", "y"]
