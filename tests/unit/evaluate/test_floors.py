"""Floors of the evaluation: trivial predictions, boosting, TF-IDF, and warnings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from pipeline.data.artifact import Split, read_data
from pipeline.data.spec import TaskSpec, write_spec
from pipeline.evaluate.floors import doubts_of, floors_of, rows_of
from pipeline.tasks.metric import metric_of

TARGET = {"name": "y", "mean": 0.0, "deviation": 1.0}


def published(folder: Path, spec: TaskSpec, x: np.ndarray, y: np.ndarray):
    """Data of which a quarter is the test split."""
    write_spec(folder, spec)
    count = 3 * len(x) // 4
    np.save(folder / "train_x.npy", x[:count])
    np.save(folder / "train_y.npy", y[:count])
    return read_data(folder), Split(x[count:], y[count:])


@pytest.fixture
def squares(tmp_path):
    """Class 1 inside a circle, which no linear model finds."""
    x = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    y = ((x**2).sum(axis=1) < 1.4).astype(np.int64)
    spec = TaskSpec("toy", "csv:toy", (2,), "float32", ("out", "in"), modality="table")
    return published(tmp_path, spec, x, y)


def test_a_baseline_below_boosting_on_the_same_table_is_a_doubt(squares):
    data, test = squares
    metric, floors = metric_of(data.spec), floors_of(*squares, 1, True)
    _, boosting = floors
    assert boosting.learned and boosting.name.startswith("gradient boosting (scikit-l")
    assert metric.value(boosting.evidence, test.y) > 0.9
    baseline = np.where(np.arange(len(test)) % 3 > 0, 1.0, 0.0)  # two of three
    rows = rows_of(floors, baseline, test.y, metric, 1)
    assert rows[1]["gain"] == pytest.approx(baseline.mean() - boosting.evidence.mean())
    low, high = rows[1]["gain_interval"]
    assert low < rows[1]["gain"] < high < 0
    (doubt,) = doubts_of(rows[1:], data, test, {}, {}, 1)
    assert "points below gradient boosting" in doubt and "on test" in doubt


def test_a_baseline_as_good_as_boosting_is_none(squares):
    data, test = squares
    floors = floors_of(*squares, 1, True)
    good = np.ones(len(test))
    rows = rows_of(floors, good, test.y, metric_of(data.spec), 1)
    names = {"baseline-float": "the float baseline"}
    assert not doubts_of(rows, data, test, {"baseline-float": good}, names, 1)


def test_a_file_like_the_trivial_prediction_is_a_doubt_on_test(squares):
    data, test = squares
    (trivial,) = floors_of(*squares, 1, False)
    names = {"a": "the float baseline", "b": "the chosen file"}
    evidence = {"a": np.ones(len(test)), "b": trivial.evidence}
    (doubt,) = doubts_of([], data, test, evidence, names, 1)
    assert doubt.startswith("the chosen file may have learned nothing: test accuracy")


def test_the_floor_of_numbers_is_boosting_too(tmp_path):
    x = np.random.default_rng(0).normal(size=(400, 2)).astype(np.float32)
    y = np.abs(x[:, 0]).astype(np.float32)
    spec = TaskSpec(
        *("toy", "csv:toy", (2,), "float32", ()),
        modality="table",
        task="regression",
        target=TARGET,
    )
    data, test = published(tmp_path, spec, x, y)
    trivial, boosting = floors_of(data, test, 1, True)
    metric = metric_of(spec)
    assert metric.value(boosting.evidence, test.y) > 0.9
    assert abs(metric.value(trivial.evidence, test.y)) < 0.1


def test_the_floor_of_texts_reads_pairs_of_words(tmp_path):
    """`not good` and `good not`: single words tell nothing."""
    random = np.random.default_rng(0)
    y = random.integers(2, size=200)
    pairs = np.where(y[:, None] == 1, [2, 3], [3, 2])
    x = np.concatenate([pairs, np.zeros((200, 2), np.int64)], axis=1).astype(np.int32)
    spec = TaskSpec(
        *("toy", "text:toy", (4,), "int32", ("a", "b")), modality="text", vocabulary=9
    )
    data, test = published(tmp_path, spec, x, y)
    _, linear = floors_of(data, test, 1, True)
    assert "TF-IDF" in linear.name
    assert metric_of(spec).value(linear.evidence, test.y) == 1


def test_pictures_have_the_trivial_floor_alone(tmp_path):
    x = np.zeros((80, 4, 4, 1), np.uint8)
    spec = TaskSpec("toy", "images:toy", (4, 4, 1), "uint8", ("a", "b"))
    data, test = published(tmp_path, spec, x, np.arange(80) % 2)
    assert [floor.learned for floor in floors_of(data, test, 1, True)] == [False]
