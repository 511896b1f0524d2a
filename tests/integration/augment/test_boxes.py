"""Boxes move with the pixels of their images, in every step that moves pixels."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.augment.boxes import MIN_VISIBLE, MovedBoxes
from pipeline.augment.geometry import GEOMETRY_STEPS
from pipeline.augment.policy import Policy
from pipeline.tasks.boxes import EMPTY

SIDE, COUNT = 40, 16
POLICIES = {
    "flip": "flip",
    "pad": "pad(6) | random_crop(40)",
    "random_crop": "pad(9) | random_crop(40) | flip",
    "shift": "shift(5)",
    "rotate": "rotate(90)",
    "zoom": "zoom(0.3)",
    "shear": "shear(20)",
    "perspective": "perspective(0.2)",
    "randaugment": "randaugment(2, 0.5)",
    "several": "flip | rotate(15) | pad(4) | random_crop(40) | zoom(0.2)",
}


def moved(policy: str) -> tuple[np.ndarray, np.ndarray]:
    """Images with a white rectangle, moved, and their boxes."""
    x = np.zeros((COUNT, SIDE, SIDE, 3), np.float32)
    x[:, 14:24, 12:28] = 1
    box = np.array([3, 12 / SIDE, 14 / SIDE, 28 / SIDE, 24 / SIDE], np.float32)
    empty = np.array([EMPTY, 0, 0, 0, 0], np.float32)
    y = np.tile(np.stack([box, empty]), (COUNT, 1, 1))
    index = tf.range(COUNT, dtype=tf.int64)
    pair = Policy(policy, 5).with_boxes(tf.constant(x), tf.constant(y), 1, index)
    return pair[0].numpy(), pair[1].numpy()


def test_every_step_that_moves_pixels_is_tested():
    assert set(GEOMETRY_STEPS) <= set(POLICIES)


@pytest.mark.parametrize("policy", POLICIES.values(), ids=POLICIES)
def test_the_box_is_that_of_the_moved_rectangle(policy):
    images, boxes = moved(policy)
    assert boxes.shape == (COUNT, 2, 5)
    assert (boxes[:, 1, 0] == EMPTY).all()
    for image, box in zip(images, boxes[:, 0]):
        white = np.abs(image).max(axis=-1) > 0.5 * np.abs(image).max()
        if box[0] == EMPTY or "randaugment" in policy:
            continue
        down, across = np.flatnonzero(white.any(1)), np.flatnonzero(white.any(0))
        painted = (across[0], down[0], across[-1] + 1, down[-1] + 1)
        assert box[1:] * SIDE == pytest.approx(painted, abs=1.6)
    if policy != "flip":
        assert len(np.unique(boxes[:, 0, 1])) > 1


def test_values_change_no_box():
    _, boxes = moved("brightness(0.2) | cutout(8) | blur(1)")
    assert np.allclose(boxes[:, 0], [3, 0.3, 0.35, 0.7, 0.6])


@pytest.mark.parametrize(("visible", "kept"), [(0.3, False), (0.4, True), (1.0, True)])
def test_an_object_of_which_little_is_left_is_dropped(visible, kept):
    assert MIN_VISIBLE == 0.35
    y = tf.constant([[[1, 0.0, 0.2, 0.5, 0.4]]])
    boxes = MovedBoxes(y, (10, 10))
    first = round(5 * (1 - visible) * 2)  # twice the columns that are cut off
    boxes.x -= first / 2
    (row,) = boxes.clipped((10, 10))[0].numpy()
    assert (row[0] == 1) == kept
    if kept:
        assert row[1] == 0 and row[3] == pytest.approx(0.5 - first / 20)
