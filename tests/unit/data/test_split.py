"""Splits are disjoint, stratified and a function of the seed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.core.errors import UserError
from pipeline.data.duplicates import hash_examples, repeated, shared_hashes
from pipeline.data.examples import Examples
from pipeline.data.split import (
    calibration,
    split,
    stratified,
)
from pipeline.data.split_params import SplitParams


def examples(counts: list[int], own_test: np.ndarray | None = None) -> Examples:
    y = np.repeat(np.arange(len(counts)), counts)
    x = np.arange(len(y), dtype=np.int64)[:, None]
    names = tuple(map(str, range(len(counts))))
    return Examples(x, y, names, scale=1.0, own_test=own_test)


@given(
    counts=st.lists(st.integers(10, 60), min_size=2, max_size=5),
    seed=st.integers(1, 1000),
)
def test_every_example_is_in_one_split_and_every_class_in_each(counts, seed):
    result = examples(counts)
    indices = split(result, SplitParams(), seed)
    together = np.sort(np.concatenate(list(indices.values())))
    assert together.tolist() == list(range(sum(counts)))
    for positions in indices.values():
        shares = np.bincount(result.y[positions], minlength=len(counts)) / len(
            positions
        )
        assert np.abs(shares - np.array(counts) / sum(counts)).max() < 0.15
        assert shares.min() > 0


def test_the_fractions_are_kept():
    params = SplitParams(train=0.5, validation=0.3, test=0.2)
    indices = split(examples([100, 100]), params, 1)
    assert {key: len(positions) for key, positions in indices.items()} == {
        "train": 100,
        "validation": 60,
        "test": 40,
    }


def test_a_seed_gives_the_same_split_and_another_one_another():
    result = examples([50, 50])
    first, again, other = (split(result, SplitParams(), seed) for seed in (1, 1, 2))
    assert np.array_equal(first["test"], again["test"])
    assert not np.array_equal(first["test"], other["test"])


def test_the_sources_own_test_split_stays_the_test_split():
    own = np.arange(100) >= 80
    own[5] = True
    indices = split(examples([50, 50], own), SplitParams(), 1)
    assert indices["test"].tolist() == np.flatnonzero(own).tolist()
    assert len(indices["train"]) + len(indices["validation"]) == 79


def test_a_class_that_is_too_small_is_an_error():
    with pytest.raises(
        UserError,
        match="data.split: .*every class on both sides.*data.task: regression",
    ):
        split(examples([50, 1]), SplitParams(), 1)


@given(
    counts=st.lists(st.integers(5, 30), min_size=2, max_size=4),
    count=st.integers(1, 60),
    seed=st.integers(1, 99),
)
def test_calibration_is_as_balanced_as_the_classes_allow(counts, count, seed):
    y = np.random.default_rng(seed).permutation(np.repeat(range(len(counts)), counts))
    chosen = calibration(y, count, seed)
    assert len(np.unique(chosen)) == len(chosen) == min(count, len(y))
    got = np.bincount(y[chosen], minlength=len(counts))
    short = [n for n, has in zip(got, counts) if n < has]
    assert not short or max(got) - min(short) <= 1


def test_an_example_in_two_splits_is_counted():
    x = np.array([[1, 2], [3, 4], [1, 2]], np.uint8)
    hashes = hash_examples(x)
    assert hashes[0] == hashes[2] != hashes[1]
    assert shared_hashes({"train": hashes[:2], "test": hashes[2:]}) == 1
    assert shared_hashes({"train": hashes[[0, 2]], "test": hashes[[1]]}) == 0


@pytest.mark.parametrize("fraction", [0.2, 0.25, 0.37, 0.5])
@pytest.mark.parametrize("classes", [1, 2, 7])
def test_a_split_is_that_of_scikit_learn(fraction, classes):
    from sklearn.model_selection import train_test_split

    for seed in range(8):
        labels = np.random.default_rng(seed).integers(0, classes, 40 + 13 * seed)
        labels = np.concatenate([labels, np.arange(classes), np.arange(classes)])
        both = train_test_split(
            np.arange(len(labels)),
            test_size=fraction,
            stratify=labels,
            random_state=seed,
        )
        for expected, part in zip(both, stratified(labels, fraction, seed)):
            assert np.array_equal(np.sort(part), np.sort(expected))


def test_too_small_a_class_is_refused_as_by_scikit_learn():
    with pytest.raises(ValueError, match="too few"):
        stratified(np.array([0, 0, 0, 1]), 0.5, 1)
    with pytest.raises(ValueError, match="greater or equal to the number of classes"):
        stratified(np.array([0, 0, 1, 1, 2, 2]), 0.2, 1)


def test_repeats_are_listed_together_in_the_order_of_their_content():
    hashes = np.array([letter * 16 for letter in "babcacb"], "S16")
    indices = {
        "train": np.array([0, 1, 3]),
        "validation": np.array([2, 5]),
        "test": np.array([4, 6]),
    }
    assert repeated(indices, hashes) == [
        ("train", 1),
        ("test", 4),
        ("train", 0),
        ("validation", 2),
        ("test", 6),
        ("train", 3),
        ("validation", 5),
    ]
