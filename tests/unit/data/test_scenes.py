"""`scenes:digits`: reproducible scenes whose masks, boxes and digits agree."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.core.errors import UserError
from pipeline.data.sources.params import SceneParams
from pipeline.data.sources.registry import check_known
from pipeline.data.sources.scenes_dataset import CLASSES, compose

SMALL = {"size": 24, "count": 20, "objects": [1, 3]}


def test_a_scene_is_a_function_of_its_number():
    params = SceneParams(**SMALL)
    first, again, other = (compose(number, params) for number in (3, 3, 4))
    assert np.array_equal(first.image, again.image)
    assert np.array_equal(first.mask, again.mask) and first.boxes == again.boxes
    assert not np.array_equal(first.image, other.image)


def test_masks_boxes_and_digits_agree():
    params = SceneParams(size=64, count=20, objects=[1, 6])
    for number in range(20):
        scene = compose(number, params)
        assert 1 <= len(scene.digits) <= 6 and len(scene.boxes) == len(scene.digits)
        assert set(np.unique(scene.mask)) - {0} <= {d + 1 for d in scene.digits}
        inside = np.zeros_like(scene.mask, bool)
        for top, left, bottom, right in scene.boxes:
            assert 0 <= top < bottom <= 64 and 0 <= left < right <= 64
            inside[top:bottom, left:right] = True
        assert not scene.mask[~inside].any() and scene.mask.any()


def test_the_stage_stores_masks_and_counts_their_pixels(make):
    done = make(source="scenes:digits", task="segmentation", scenes=SMALL)
    assert done.data.spec.classes == CLASSES and done.data.spec.task == "segmentation"
    train = done.data.train()
    assert train.x.shape == (12, 24, 24, 3) and train.y.shape == (12, 24, 24)
    assert train.y.dtype == np.uint8
    pixels = np.bincount(train.y.reshape(-1), minlength=11).tolist()
    assert done.metrics["class_balance"]["train"] == pixels
    assert done.metrics["examples"] == {"train": 12, "validation": 4, "test": 4}
    assert done.metrics["shared_between_splits"] == 0


def test_class_weights_are_those_of_pixels(make):
    done = make(
        source="scenes:digits", task="segmentation", scenes=SMALL, balance="weights"
    )
    counts = np.array(done.metrics["class_balance"]["train"])
    weights = np.array(done.data.weights())
    present = counts > 0
    assert np.allclose((weights * counts)[present], counts.sum() / present.sum())


def test_a_task_without_masks_is_refused(read):
    with pytest.raises(UserError, match="scenes:digits.*has masks.*takes classes"):
        read(source="scenes:digits", scenes=SMALL)
    with pytest.raises(UserError, match="sklearn:digits.*no masks.*scenes:, masks:"):
        read(source="sklearn:digits", task="segmentation")
    with pytest.raises(UserError, match="unknown.*known: digits"):
        check_known("scenes:letters", "data.source")
