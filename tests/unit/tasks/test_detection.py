"""Detection: decoding, matching, and the metrics against COCO's own code."""

from __future__ import annotations

import contextlib
import io

import numpy as np
import pytest

from pipeline.metrics.bootstrap import once
from pipeline.tasks.boxes import EMPTY, ignored, iou, padded, stacked
from pipeline.tasks.detection.centers import best_threshold, center_counts, f1_of
from pipeline.tasks.detection.comparison import Boxes, compare
from pipeline.tasks.detection.decoding import CANDIDATES, decode
from pipeline.tasks.detection.metric import METRIC
from pipeline.tasks.detection.overlay import OVERLAY
from pipeline.tasks.detection.precision import LEVELS, mean_precision, rankings
from pipeline.tasks.detection.prediction import PREDICTION
from pipeline.tasks.detection.sizes import by_size
from pipeline.tasks.spec import TaskSpec

CLASSES, SIZE = 3, 200


def cells(rows=4, columns=4, classes=2) -> np.ndarray:
    outputs = np.full((1, rows, columns, classes + 4), -10, np.float32)
    outputs[..., classes:] = 1
    return outputs


def found_of(*rows) -> np.ndarray:
    """Found boxes of one image: class, score, left, top, right, bottom."""
    return np.array([rows], np.float32)


class TestDecoding:
    def test_a_cell_becomes_a_box_around_its_center(self):
        outputs = cells()
        outputs[0, 1, 2] = (-10, 3, 0.5, 1.5, 1, 2)
        found = decode(outputs)
        assert found.shape == (1, CANDIDATES, 6)
        expected = (1, 1 / (1 + np.exp(-3)), 2 / 4, 0, 3.5 / 4, 3.5 / 4)
        assert found[0, 0] == pytest.approx(expected, abs=1e-6)
        assert (found[0, 1:, 0] == -1).all()

    def test_a_worse_box_of_the_class_is_dropped_and_one_of_another_is_kept(self):
        outputs = cells()
        outputs[0, 1, 1] = (2, -10, 1, 1, 1, 1)
        outputs[0, 1, 2] = (1, 0.5, 2, 1, 0, 1)  # the same box
        found = decode(outputs)[0]
        kept = found[found[:, 0] >= 0]
        assert kept[:, 0].tolist() == [0, 1]

    def test_boxes_are_sorted_and_those_without_area_left_out(self):
        outputs = cells()
        outputs[0, 0, 0] = (1, -10, 1, 1, 1, 1)
        outputs[0, 3, 3] = (2, -10, 1, 1, 1, 1)
        outputs[0, 0, 3] = (5, -10, 1, -1, 1, 1)
        found = decode(outputs)[0]
        assert (found[:, 0] >= 0).sum() == 2 and found[0, 1] > found[1, 1]

    def test_outputs_that_are_no_numbers_find_nothing(self):
        assert (decode(np.full((2, 2, 2, 6), np.nan))[..., 0] == -1).all()


def scenes(seed: int, crowds: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """Random true boxes, and found ones of which many are near."""
    rng = np.random.default_rng(seed)
    truth, found = [], np.zeros((30, 12, 6), np.float32)
    found[..., 0] = -1
    for image in found:
        count = int(rng.integers(0, 5))
        low = rng.uniform(0, 0.6, (count, 2))
        boxes = np.concatenate([low, low + rng.uniform(0.12, 0.39, (count, 2))], 1)
        numbers = rng.integers(0, CLASSES, count)
        rows = np.column_stack([numbers, boxes]).astype(np.float32)
        guesses = np.repeat(rows, 2, axis=0)
        guesses[:, 1:] += rng.normal(0, 0.02, guesses[:, 1:].shape)
        wrong = rng.random(len(guesses)) < 0.2
        guesses[wrong, 0] = rng.integers(0, CLASSES, int(wrong.sum()))
        scores = np.sort(rng.permutation(1000)[: len(guesses)] / 1000)[::-1]
        image[: len(guesses), [0, 2, 3, 4, 5]] = guesses
        image[: len(guesses), 1] = scores
        if crowds and count:
            rows[0, 0] = ignored(rows[0, 0])
        truth.append(rows)
    return found, stacked(truth)


def coco_stats(found: np.ndarray, y: np.ndarray) -> np.ndarray:
    """The numbers of pycocotools: mAP50-95, mAP50, mAP75, and by size."""
    coco = pytest.importorskip("pycocotools.coco")
    cocoeval = pytest.importorskip("pycocotools.cocoeval")
    annotations, results = [], []
    for image, rows in enumerate(y.astype(np.float64)):
        for number, left, top, right, bottom in rows:
            if number == EMPTY:
                continue
            box = [
                left * SIZE,
                top * SIZE,
                (right - left) * SIZE,
                (bottom - top) * SIZE,
            ]
            crowd = number < EMPTY
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": int(ignored(number) if crowd else number),
                    "bbox": box,
                    "area": box[2] * box[3],
                    "iscrowd": int(crowd),
                }
            )
    for image, rows in enumerate(found.astype(np.float64)):
        for number, score, left, top, right, bottom in rows:
            if number >= 0:
                box = [left, top, right - left, bottom - top]
                results.append(
                    {
                        "image_id": image,
                        "category_id": int(number),
                        "bbox": [SIZE * end for end in box],
                        "score": float(score),
                    }
                )
    with contextlib.redirect_stdout(io.StringIO()):
        truth = coco.COCO()
        truth.dataset = {
            "images": [{"id": n, "width": SIZE, "height": SIZE} for n in range(len(y))],
            "categories": [{"id": k} for k in range(CLASSES)],
            "annotations": annotations,
            "info": {},
        }
        truth.createIndex()
        evaluation = cocoeval.COCOeval(truth, truth.loadRes(results), "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats


class TestPrecision:
    @pytest.mark.parametrize("crowds", [False, True])
    @pytest.mark.parametrize("seed", range(3))
    def test_it_is_that_of_pycocotools(self, seed, crowds):
        found, y = scenes(seed, crowds)
        stats = coco_stats(found, y)
        values = [
            once(mean_precision(found, y, levels), len(y))[0]
            for levels in (LEVELS, LEVELS[:1], LEVELS[5:6])
        ]
        assert values == pytest.approx(stats[:3].tolist(), abs=1e-9)
        assert 0.05 < values[0] < values[1] < 0.99

    def test_it_is_that_of_pycocotools_by_size(self):
        found, y = scenes(5)
        stats, sizes = coco_stats(found, y), by_size(found, y, (SIZE, SIZE))
        for number, name in enumerate(("small", "medium", "large"), 3):
            value = sizes[name]["map"] if name in sizes else -1
            assert value == pytest.approx(stats[number], abs=1e-9)

    def test_weights_are_repeated_images(self):
        found, y = scenes(7)
        weights = np.random.default_rng(1).integers(0, 3, (4, len(y)))
        statistic = mean_precision(found, y, LEVELS[:1])
        for row, value in zip(weights, statistic(weights.astype(float))):
            repeats = np.repeat(np.arange(len(y)), row)
            expected = METRIC.value(found[repeats], y[repeats])
            assert value[0] == pytest.approx(expected, abs=1e-12)

    def test_an_image_without_objects_makes_its_boxes_false(self):
        y = stacked([np.array([[0, 0.1, 0.1, 0.5, 0.5]]), np.empty((0, 5))])
        right = (0, 0.8, 0.1, 0.1, 0.5, 0.5)
        nothing = (-1, 0, 0, 0, 0, 0)
        alone = np.concatenate([found_of(right), found_of(nothing)])
        false = np.concatenate([found_of(right), found_of((0, 0.9, *right[2:]))])
        assert METRIC.value(alone, y) == pytest.approx(1.0)
        assert METRIC.value(false, y) == pytest.approx(0.5)

    def test_without_any_object_the_metric_is_0_and_has_no_interval(self):
        y = stacked([np.empty((0, 5))] * 3)
        found = np.zeros((3, 1, 6), np.float32)
        assert METRIC.value(found, y) == 0.0
        assert METRIC.interval(found, y, 20, 1) is None
        assert rankings(found, y, LEVELS) == {}


class TestCenters:
    Y = stacked([np.array([[1, 0.4, 0.4, 0.6, 0.6]])])

    @pytest.mark.parametrize(
        ("row", "hits"),
        [
            ((1, 0.9, 0.45, 0.4, 0.65, 0.6), 1),  # 5 % to the right
            ((1, 0.9, 0.50, 0.4, 0.70, 0.6), 0),  # 10 %
            ((0, 0.9, 0.40, 0.4, 0.60, 0.6), 0),  # another class
        ],
    )
    def test_a_center_matches_within_8_percent_of_the_sides(self, row, hits):
        counts = center_counts(found_of(row), self.Y, np.array([0.5]))
        assert counts[0, 0].tolist() == [hits, 1, 1]

    def test_an_object_is_found_once(self):
        row = (1, 0.9, 0.4, 0.4, 0.6, 0.6)
        counts = center_counts(found_of(row, (1, 0.8, *row[2:])), self.Y)
        assert f1_of(counts.sum(axis=0)).max() == 1.0  # at 0.85
        assert best_threshold(found_of(row, (1, 0.5, *row[2:])), self.Y) == 0.55

    def test_an_empty_image_in_which_nothing_is_found_is_right(self):
        assert f1_of(np.zeros((1, 3))).tolist() == [1.0]
        assert best_threshold(np.zeros((1, 1, 6)), stacked([np.empty((0, 5))])) is None


class TestComparison:
    def test_a_lost_box_is_one_that_only_the_reference_finds(self):
        y = stacked([np.array([[0, 0, 0, 0.4, 0.4], [1, 0.5, 0.5, 1, 1]])])
        first = (0, 0.9, 0, 0, 0.4, 0.4)
        second = (1, 0.6, 0.5, 0.5, 1, 1)
        both = Boxes(y, found_of(first, second), 0.5, 3, (96, 96))
        less = Boxes(y, found_of(first, (1, 0.4, *second[2:])), 0.5, 3, (96, 96))
        row = compare(both, less, 50, 1).to_json()
        assert (row["lost"], row["gained"], row["objects"]) == (1, 0, 2)
        assert (row["precision"], row["recall"]) == (1.0, 0.5)
        assert row["absent"] == [2]
        assert row["average_precision"][:2] == pytest.approx([1.0, 1.0])
        assert row["drop"] == 0.0 and row["change"]["center_f1"]["value"] < 0
        assert compare(less, both, 50, 1).gained == 1

    def test_predictions_are_listed_from_the_threshold_on(self):
        outputs = cells()
        outputs[0, 1, 1] = (2, -10, 1, 1, 1, 1)
        outputs[0, 3, 3] = (-1, -10, 1, 1, 1, 1)
        spec = TaskSpec("x", "x:x", (32, 32, 3), "uint8", ("a", "b"), task="detection")
        (row,) = PREDICTION.rows(outputs, outputs, spec, {"threshold": 0.6})
        assert [item["class"] for item in row["objects"]] == ["a"]
        assert PREDICTION.text(row).startswith("a 0.88 at (0.12, 0.12, 0.62, 0.62)")
        assert PREDICTION.text({"objects": []}) == "no object"


def test_overlaps_of_boxes():
    boxes = np.array([[0, 0, 2, 2], [1, 1, 3, 3], [1, 1, 1, 1]], float)
    assert iou(boxes, boxes)[0] == pytest.approx([1, 1 / 7, 0])
    assert padded(np.zeros((1, 1, 5)), 3)[0, 1:, 0].tolist() == [EMPTY, EMPTY]


def test_an_overlay_draws_the_border_of_a_box():
    image = np.full((1, 10, 10, 3), 0.5, np.float32)
    drawn = OVERLAY(image, stacked([np.array([[2, 0.2, 0.3, 0.8, 0.9]])]))[0]
    changed = np.abs(drawn - 0.5).max(axis=-1) > 0.01
    assert changed[3, 2:8].all() and changed[8, 2:8].all()
    assert not changed[4:8, 3:7].any() and not changed[:3].any()
