"""Distances and what they decide, against brute force and worked examples."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
from sklearn.metrics import roc_curve

from pipeline.core.errors import UserError
from pipeline.tasks.embedding.distances import (
    distances,
    equal_error,
    fraction_within,
    nearest_hits,
    neighbors,
    normalized,
    one_shot,
    pair_counts,
)
from pipeline.tasks.embedding.evaluation import Vectors, compare
from pipeline.tasks.embedding.export import EXPORT
from pipeline.tasks.embedding.floor import FLOOR
from pipeline.tasks.embedding.metric import METRIC, OTHERS, threshold
from pipeline.tasks.embedding.prediction import PREDICTION
from pipeline.tasks.embedding.targets import TARGETS
from pipeline.tasks.prediction import Enrolment
from pipeline.tasks.registry import get
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.targets import Labels

RNG = np.random.default_rng(5)
Y = np.repeat([3, 5, 9], [6, 8, 10])[RNG.permutation(24)]
CENTERS = RNG.normal(size=(10, 4))
VECTORS = normalized(CENTERS[Y] + RNG.normal(size=(24, 4)))
NOISY = normalized(VECTORS + 0.4 * RNG.normal(size=VECTORS.shape))
SPEC = TaskSpec("x", "x:x", (2,), "float32", tuple("abc"), task="embedding")


def drawn_one_shot(vectors: np.ndarray, y: np.ndarray, draws: int = 3000) -> np.ndarray:
    """The fraction of random enrolments that recognize each query."""
    rng, away = np.random.default_rng(0), distances(vectors, vectors)
    wins = np.zeros(len(y))
    for query in range(len(y)):
        members = [np.flatnonzero(y == k) for k in np.unique(y)]
        members = [m[m != query] for m in members]
        gallery = np.stack([rng.choice(m, draws) for m in members])
        nearest = away[query, gallery].argmin(axis=0)
        wins[query] = (np.unique(y)[nearest] == y[query]).mean()
    return wins


class TestRecall:
    def test_one_shot_recall_is_that_of_random_enrolments(self):
        exact, drawn = one_shot(VECTORS, Y), drawn_one_shot(VECTORS, Y)
        assert np.allclose(exact, drawn, atol=0.05)
        assert exact.mean() == pytest.approx(drawn.mean(), abs=0.01)
        assert 0.4 < exact.mean() < 0.95  # neither chance nor certainty

    def test_the_nearest_other_example_decides_recall_among_all(self):
        away = distances(VECTORS, VECTORS)
        np.fill_diagonal(away, np.inf)
        assert np.array_equal(nearest_hits(VECTORS, Y), Y[away.argmin(1)] == Y)
        assert np.array_equal(neighbors(VECTORS), away.argmin(1))

    def test_one_vector_for_everything_recognizes_nothing(self):
        same = np.tile(VECTORS[:1], (len(Y), 1))
        assert not one_shot(same, Y).any() and not nearest_hits(same, Y).any()
        assert METRIC.value(same, Y) == 0.0

    def test_chance_is_one_in_the_number_of_classes(self):
        y = np.tile(np.arange(4), 100)
        random = normalized(RNG.normal(size=(400, 16)))
        assert METRIC.value(random, y) == pytest.approx(0.25, abs=0.03)
        assert METRIC.value(FLOOR.evidence(y, y), y) == pytest.approx(0.25, abs=0.03)

    def test_a_query_without_another_example_of_its_class_is_left_out(self):
        y = np.append(Y, 7)
        vectors = np.vstack([VECTORS, VECTORS[:1] * [-1, 1, 1, 1]])
        assert np.isnan(one_shot(vectors, y)[-1])
        assert np.isnan(nearest_hits(vectors, y)[-1])
        assert 0 < METRIC.value(vectors, y) < 1
        assert METRIC.interval(vectors, y, 50, 1) is not None

    def test_a_zero_vector_is_not_divided_by_zero(self):
        assert np.isfinite(normalized(np.zeros((2, 3)))).all()


class TestErrorRate:
    def test_it_is_where_the_two_rates_of_scikit_learn_meet(self):
        y = np.tile(np.arange(4), 60)
        vectors = normalized(CENTERS[y] + 1.2 * RNG.normal(size=(240, 4)))
        first, second = np.nonzero(~np.eye(240, dtype=bool))
        away = distances(vectors, vectors)[first, second]
        accepted, right, limits = roc_curve(y[first] == y[second], -away)
        meeting = np.argmin(np.abs(accepted - (1 - right)))
        rate = OTHERS["eer"].value(vectors, y)
        assert rate == pytest.approx(accepted[meeting], abs=0.005)
        assert threshold(vectors, y) == pytest.approx(-limits[meeting], abs=0.01)

    def test_at_the_threshold_both_errors_have_the_rate(self):
        counts = pair_counts(VECTORS, Y).sum(axis=0)
        rate, distance = (float(value) for value in equal_error(counts))
        assert fraction_within(counts[0], distance) == pytest.approx(rate, abs=1e-6)
        assert 1 - fraction_within(counts[1], distance) == pytest.approx(rate, abs=1e-6)

    def test_separated_classes_have_none_and_equal_vectors_half(self):
        y = np.repeat([0, 1], 3)
        apart = np.repeat([[1.0, 0.0], [0.0, 1.0]], 3, axis=0)
        assert OTHERS["eer"].value(apart, y) == pytest.approx(0, abs=1e-6)
        assert OTHERS["eer"].value(apart[:1].repeat(6, axis=0), y) == pytest.approx(0.5)

    def test_without_pairs_of_both_kinds_there_is_no_threshold(self):
        assert threshold(VECTORS, np.zeros(len(Y), int)) is None
        assert OTHERS["eer"].value(VECTORS, np.zeros(len(Y), int)) == 1.0


class TestComparison:
    def test_a_resample_of_every_query_once_is_the_metric_itself(self):
        for metric in (METRIC, *OTHERS.values()):
            once = metric.resampled(NOISY, Y)(np.ones((1, len(Y))))
            assert once[0, 0] == pytest.approx(metric.value(NOISY, Y), abs=1e-6)

    def test_a_row_says_what_a_file_lost(self):
        before, after = Vectors(Y, VECTORS, 0.4), Vectors(Y, NOISY, 0.4)
        row = compare(before, after, 100, 1).to_json()
        assert row["drop"] == pytest.approx(
            METRIC.value(VECTORS, Y) - row["recall_at_1"]
        )
        low, high = row["recall_at_1_interval"]
        assert low < row["recall_at_1"] < high and row["tested_classes"] == 3
        assert row["drop_interval"][0] <= row["drop"] <= row["drop_interval"][1]
        assert 0 < row["changed_neighbors"] < 1
        changed = OTHERS["eer"].value(NOISY, Y) - OTHERS["eer"].value(VECTORS, Y)
        assert row["change"]["eer"]["value"] == pytest.approx(changed, abs=1e-6)
        assert compare(before, before, 50, 1).changed_neighbors == 0

    def test_false_accepts_and_rejects_are_those_of_the_threshold(self):
        away, same = distances(NOISY, NOISY), Y[:, None] == Y
        pairs = ~np.eye(len(Y), dtype=bool)
        row = compare(Vectors(Y, NOISY, 0.4), Vectors(Y, NOISY, 0.4), 10, 1)
        accepted = (away[pairs & ~same] <= 0.4).mean()
        assert row.false_accepts == pytest.approx(accepted, abs=0.01)
        assert row.false_rejects == pytest.approx(
            (away[pairs & same] > 0.4).mean(), abs=0.01
        )


class TestPrediction:
    ENROLLED = Enrolment(
        ["anna/1.png", "ben/1.png"], ["anna", "ben"], np.array([[2.0, 0.0], [0.0, 3.0]])
    )

    def rows(self, limit: float | None) -> list[dict]:
        outputs = np.array([[4.0, 0.4], [1.0, -2.0]], np.float32)
        return PREDICTION.nearest(outputs, self.ENROLLED, {"threshold": limit})

    def test_the_nearest_identity_is_named_within_the_threshold(self):
        near, far = self.rows(0.2)
        assert near["identity"] == near["nearest"] == "anna"
        assert near["example"] == "anna/1.png"
        expected = 1 - 4 / np.hypot(4, 0.4)
        assert near["distance"] == pytest.approx(expected, abs=1e-6)
        assert far["identity"] is None and far["nearest"] == "anna"
        assert PREDICTION.text(far).startswith("unknown  nearest is anna, distance 0.5")
        assert PREDICTION.text(near).startswith("anna  distance 0.005, threshold 0.200")

    def test_without_a_threshold_everyone_is_known(self):
        assert [row["identity"] for row in self.rows(None)] == ["anna", "anna"]

    def test_without_enrolment_the_vector_is_printed(self):
        (row,) = PREDICTION.rows(np.array([[3.0, 4.0]]), None, SPEC, {})
        assert row["embedding"] == pytest.approx([0.6, 0.8])
        assert "--enrol" in PREDICTION.text(row)


class TestTargets:
    CLASSES = ("a", "b", "c", "d")

    def prepare(self, y, splits, bad="error", group=None):
        params = SimpleNamespace(
            source="images:x",
            on_bad_example=bad,
            split=SimpleNamespace(group=group),
        )
        indices = {name: np.array(rows, np.int64) for name, rows in splits.items()}
        return TARGETS(Labels(np.array(y), self.CLASSES, indices, len(y)), params)

    def test_a_class_with_one_example_is_refused_or_left_out(self):
        y, splits = [0, 0, 1, 1, 2, 3, 3, 3], {"train": range(5), "test": []}
        with pytest.raises(UserError, match="one example of c, and"):
            self.prepare(y, splits)
        prepared = self.prepare(y, splits, bad="skip")
        assert prepared.indices["train"].tolist() == [0, 1, 2, 3]
        assert prepared.facts["single_examples_left_out"] == 1

    def test_a_split_with_one_class_is_refused_by_its_name(self):
        y = [0, 0, 1, 1, 2, 2]
        splits = {"train": [0, 1, 2, 3], "validation": [4, 5], "test": []}
        with pytest.raises(UserError, match=r"validation has 1 class \(c\)"):
            self.prepare(y, splits)


def test_metadata_and_c_name_distance_and_threshold():
    metadata = EXPORT.metadata(SPEC, {"threshold": 0.25})
    assert "outside the file" in metadata["normalization"]
    assert "MODEL_DATA_THRESHOLD 0.25" in EXPORT.defines(metadata)
    assert "no threshold" in EXPORT.defines({"threshold": None})
    assert "model_data_distance" in EXPORT.result(metadata).declare


def test_any_vector_is_an_embedding_and_no_map_is():
    task = get("embedding")
    assert task.accepts((7,), SPEC) and task.accepts((128,), SPEC)
    assert not task.accepts((1,), SPEC) and not task.accepts((4, 4), SPEC)
    assert not get("classification").accepts((4,), SPEC)
    assert task.refuses("data.balance") and task.refuses("distill.temperature")
