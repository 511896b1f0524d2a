"""Injected label noise is found again, listed, dropped or relabelled."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.data.labels import add_noise, find_label_errors, with_changes
from tests.helpers.cases import chosen

DIGITS = {"source": "sklearn:digits"}


def test_noise_changes_the_asked_part_of_train_to_every_other_class():
    y = np.repeat(np.arange(4), 500)
    train = np.arange(0, 2000, 2)
    changes = add_noise(y, train, 0.3, 4, seed=1)
    assert len(changes) == 300
    assert {change.position for change in changes} <= set(train)
    assert all(
        change.before == y[change.position] != change.after for change in changes
    )
    steps = [(change.after - change.before) % 4 for change in changes]
    assert np.bincount(steps)[1:].min() > 70
    again, other = (add_noise(y, train, 0.3, 4, seed) for seed in (1, 2))
    assert again == changes != other
    assert (with_changes(y, changes) != y).sum() == 300


def separable() -> tuple[np.ndarray, np.ndarray]:
    """Three clouds of points, far from each other."""
    y = np.arange(300) % 3
    noise = np.random.default_rng(1).normal(0, 0.3, (300, 2))
    return noise + np.array([[0, 4], [4, 0], [-4, -4]])[y], y


def test_wrong_labels_of_separable_classes_are_found_and_no_others():
    x, y = separable()
    positions = np.arange(300) + 1000
    assert find_label_errors(x, y, positions, 5, seed=1) == []
    wrong = y.copy()
    wrong[[3, 50, 71]] = (wrong[[3, 50, 71]] + 1) % 3
    errors = find_label_errors(x, wrong, positions, 5, seed=1)
    assert {(c.position, c.after) for c in errors} == {
        (1000 + k, y[k]) for k in (3, 50, 71)
    }


def test_most_of_the_noise_on_real_digits_is_found(make):
    result = make(**DIGITS, labels={"noise": 0.05, "label_errors": "list"})
    noise = {row["position"]: row["before"] for row in result.rows("label_noise.csv")}
    suggested = {
        row["position"]: row["suggested"] for row in result.rows("label_errors.csv")
    }
    assert len(noise) == result.metrics["label_noise"] == 54
    assert len(suggested) == result.metrics["suspected_label_errors"]
    corrected = [k for k, before in noise.items() if suggested.get(k) == before]
    assert len(corrected) > 0.7 * len(noise)
    assert len(set(suggested) - set(noise)) < 0.06 * 1077


@pytest.mark.parametrize("act", chosen(["drop", "relabel"], 1))
def test_suspects_are_dropped_or_relabelled_on_request(make, act):
    plain = make(**DIGITS, labels={"noise": 0.1})
    corrected = make(**DIGITS, labels={"noise": 0.1, "label_errors": act})
    clean = make(**DIGITS).data.train().y
    with np.load(plain.folder / "splits.npz") as splits:
        before = splits["train_index"]
    with np.load(corrected.folder / "splits.npz") as splits:
        kept = np.isin(before, splits["train_index"])
    wrong_before = (plain.data.train().y != clean).mean()
    wrong_after = (corrected.data.train().y != clean[kept]).mean()
    assert wrong_before == pytest.approx(0.1, abs=0.01)
    assert wrong_after < 0.05
    assert kept.all() == (act == "relabel")


def test_noise_leaves_validation_and_test_alone(make):
    plain, noisy = make(**DIGITS), make(**DIGITS, labels={"noise": 0.5})
    assert np.array_equal(plain.data.validation().y, noisy.data.validation().y)
    assert not np.array_equal(plain.data.train().y, noisy.data.train().y)


def test_suspects_among_texts(make, texts):
    result = make(source=f"text:{texts}", labels={"noise": 0.1, "label_errors": "list"})
    noise = {row["example"] for row in result.rows("label_noise.csv")}
    assert noise <= {row["example"] for row in result.rows("label_errors.csv")}


def test_a_class_without_examples_does_not_disturb_the_others():
    x, y = separable()
    y[7] = (y[7] + 1) % 3
    errors = find_label_errors(x, 2 * y, np.arange(len(y)), 3, 1)
    plain = find_label_errors(x, y, np.arange(len(y)), 3, 1)
    assert [(c.position, c.before, c.after) for c in errors] == [
        (c.position, 2 * c.before, 2 * c.after) for c in plain
    ]
    assert plain
