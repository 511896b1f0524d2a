"""Overlap, outlines and intervals of masks, against numbers worked out by hand."""

from __future__ import annotations

import re
from itertools import pairwise

import numpy as np
import pytest
from sklearn.metrics import f1_score, jaccard_score

from pipeline.tasks.class_colors import COLORS, color_of
from pipeline.tasks.registry import get
from pipeline.tasks.segmentation.boundary import boundary_counts, f1, tolerance
from pipeline.tasks.segmentation.counts import dice, iou, pixel_counts
from pipeline.tasks.segmentation.evaluation import compare
from pipeline.tasks.segmentation.floor import FLOOR
from pipeline.tasks.segmentation.metric import METRIC, OTHERS
from pipeline.tasks.segmentation.overlay import OVERLAY
from pipeline.tasks.segmentation.pictures import Masks
from pipeline.tasks.segmentation.prediction import PREDICTION, runs
from pipeline.tasks.spec import TaskSpec
from pipeline.tasks.targets import IGNORED

RNG = np.random.default_rng(4)
Y = RNG.integers(0, 3, (6, 8, 8)).astype(np.uint8)
NOISY = np.where(RNG.random(Y.shape) < 0.3, RNG.integers(0, 3, Y.shape), Y)
NOISY = NOISY.astype(np.uint8)


def logits(masks: np.ndarray, classes: int = 4) -> np.ndarray:
    """Outputs whose largest logit is the class of a mask."""
    return np.eye(classes, dtype=np.float32)[masks]


def value(predicted: np.ndarray, y: np.ndarray, classes: int = 4) -> float:
    return METRIC.of(logits(predicted, classes), np.zeros(len(y)), y)


class TestOverlap:
    def test_iou_and_dice_are_those_of_scikit_learn(self):
        counts = pixel_counts(Y, NOISY, 3).sum(axis=0)
        flat = Y.reshape(-1), NOISY.reshape(-1)
        assert np.allclose(iou(counts), jaccard_score(*flat, average=None))
        assert np.allclose(dice(counts), f1_score(*flat, average=None))

    def test_an_absent_class_is_left_out_of_the_mean(self):
        assert value(Y, Y) == 1.0
        spoiled = Y.copy()
        spoiled[0, 0, :4] = 3  # a class that no true pixel has
        per_class = iou(pixel_counts(Y, spoiled, 4).sum(axis=0))
        assert np.isnan(per_class[3]) and value(spoiled, Y) < 1.0
        assert value(spoiled, Y) == pytest.approx(per_class[:3].mean())

    def test_pixels_without_a_label_count_nowhere(self):
        y = Y.copy()
        y[:, :4] = IGNORED
        other = NOISY.copy()
        other[:, :4] = 2
        assert value(NOISY, y) == value(other, y)
        assert pixel_counts(y, NOISY, 4)[:, 1].sum() == (y != IGNORED).sum()

    def test_a_resample_of_every_image_once_is_the_metric_itself(self):
        for metric in (METRIC, *OTHERS.values()):
            evidence = metric.evidence(logits(NOISY), Y, Y)
            once = metric.resampled(evidence, Y)(np.ones((1, len(Y))))
            assert once[0, 0] == pytest.approx(metric.value(evidence, Y))

    def test_the_interval_holds_the_metric(self):
        evidence = METRIC.evidence(logits(NOISY), Y, Y)
        low, high = METRIC.interval(evidence, Y, 200, 1)
        assert low < METRIC.value(evidence, Y) < high

    def test_the_floor_is_the_most_frequent_class_everywhere(self):
        y = np.zeros((2, 4, 4), np.uint8)
        y[:, 0] = 2
        evidence = FLOOR.evidence(y, y)
        assert METRIC.value(evidence, y) == pytest.approx((12 / 16) / 2)


class TestOutlines:
    def test_equal_masks_have_an_f1_of_one_and_a_shifted_outline_less(self):
        y = np.zeros((1, 40, 40), np.uint8)
        y[:, 10:30, 10:30] = 1
        values = []
        for shift in (0, 1, 3):
            counts = boundary_counts(y, np.roll(y, shift, axis=2))
            values.append(f1(counts)(np.ones((1, 1)))[0, 0])
        assert tolerance(40, 40) == 1
        assert values[0] == values[1] == 1.0 and values[2] < 0.9

    def test_empty_masks_agree(self):
        empty = np.zeros((2, 5, 5), np.uint8)
        assert f1(boundary_counts(empty, empty))(np.ones((1, 2)))[0, 0] == 1.0


class TestComparison:
    def test_a_row_states_absent_classes_and_changed_pixels(self):
        before, after = Masks(Y, Y, 4), Masks(Y, NOISY, 4)
        row = compare(before, after, 100, 1).to_json()
        assert row["absent"] == [3] and row["iou"][3] is None
        assert row["drop"] == pytest.approx(1 - row["miou"])
        assert row["drop_interval"][0] <= row["drop"] <= row["drop_interval"][1]
        assert row["changed_pixels"] == pytest.approx((Y != NOISY).mean())
        assert row["pixel_accuracy"] == pytest.approx((Y == NOISY).mean())
        assert row["change"]["dice"]["value"] < 0

    def test_the_worst_image_has_the_lowest_iou(self):
        predicted = Y.copy()
        predicted[2] = (Y[2] + 1) % 3
        assert Masks(Y, predicted, 3).per_image.argmin() == 2


class TestPrediction:
    def test_runs_restore_the_mask(self):
        for mask in Y:
            numbers, lengths = np.transpose(runs(mask))
            assert np.array_equal(np.repeat(numbers, lengths).reshape(8, 8), mask)
            assert all(a != b for a, b in pairwise(numbers))

    def test_a_row_lists_the_classes_by_their_fraction(self):
        spec = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b", "c", "d"))
        (row,) = PREDICTION.rows(logits(Y[:1]), Y[:1], spec, {})
        fractions = list(row["classes"].values())
        assert fractions == sorted(fractions, reverse=True)
        assert sum(fractions) == pytest.approx(1) and "d" not in row["classes"]
        assert "%" in PREDICTION.text(row)


def test_an_overlay_colors_every_class_but_the_background():
    images = np.full((1, 2, 2, 1), 0.5, np.float32)
    drawn = OVERLAY(images, np.array([[[0, 1], [2, IGNORED]]], np.uint8))
    assert np.allclose(drawn[0, 0, 0], 0.5)
    assert len(np.unique(drawn.reshape(4, 3), axis=0)) == 4
    assert len({color_of(number) for number in range(1, 25)}) == 24


def test_the_page_names_the_colors_of_the_pictures():
    report = get("segmentation").part("report")
    text = (report.templates / "iou.html.j2").read_text()
    colors = ["#" + "".join(f"{round(255 * v):02x}" for v in c) for c in COLORS]
    assert re.findall("#[0-9a-f]{6}", text) == colors


def test_the_task_refuses_what_is_for_one_label_per_image():
    task = get("segmentation")
    assert task.dense and task.predicts_classes
    assert task.refuses("data.labels.noise") and task.refuses("train.label_smoothing")
    assert not task.refuses("data.balance") and task.refuses("data.balance: resample")
