"""Masks move with their images: a property of every step that moves pixels."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.augment.check import check_policy
from pipeline.augment.geometry import GEOMETRY_STEPS
from pipeline.augment.grammar import GRAMMAR
from pipeline.augment.policy import Policy
from pipeline.core.errors import UserError
from pipeline.core.pipe_language import parse_pipe
from pipeline.data.spec import TaskSpec
from pipeline.tasks.targets import IGNORED

SIDE, COUNT = 12, 8
RNG = np.random.default_rng(2)
# A mask of 0 and 1, and an image that shows it: 0.25 and 0.75.
MASKS = RNG.integers(0, 2, (COUNT, SIDE // 4, SIDE // 4)).repeat(4, 1).repeat(4, 2)
MASKS = MASKS.astype(np.uint8)
IMAGES = (0.25 + 0.5 * MASKS[..., None]).astype(np.float32)
PIPES = {
    "flip": "flip",
    "pad": "pad(2) | random_crop(12)",
    "random_crop": "pad(3) | random_crop(12) | flip",
    "shift": "shift(3)",
    "rotate": "rotate(30)",
    "zoom": "zoom(0.4)",
    "shear": "shear(25)",
    "perspective": "perspective(0.3)",
    "together": "flip | rotate(20) | zoom(0.2) | shift(1) | pad(2) | random_crop(12)",
}
INDEX = tf.range(COUNT, dtype=tf.int64)


def moved(pipe: str, epoch: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """The augmented images, without channels, and masks."""
    policy = Policy(pipe, 7)
    number = tf.constant(epoch)
    x, y = policy.paired(IMAGES, tf.constant(MASKS), number, INDEX, IGNORED)
    return x.numpy()[..., 0], y.numpy()


def test_every_step_that_moves_pixels_is_tested():
    assert set(GEOMETRY_STEPS) == set(PIPES) - {"together"}


@pytest.mark.parametrize("pipe", PIPES.values(), ids=PIPES)
def test_a_mask_moves_as_its_image_does(pipe):
    images, masks = moved(pipe)
    assert masks.dtype == np.uint8 and masks.shape == MASKS.shape
    assert not np.array_equal(masks, MASKS)
    outside = masks == IGNORED
    assert np.array_equal(outside, np.isclose(images, 0.0))
    assert set(np.unique(masks)) <= {0, 1, IGNORED}
    # The nearest pixel has at least a quarter of the weight of an interpolated one, so
    # a color nearer than 0.125 to that of a class is of that class.
    for number, color in ((0, 0.25), (1, 0.75)):
        clear = np.abs(images - color) < 0.12
        clear &= ~outside
        assert clear.sum() > 50
        assert (masks[clear] == number).all()


def test_a_mask_changes_with_the_epoch_and_not_with_the_batch():
    first, second = moved("rotate(30)")[1], moved("rotate(30)", 1)[1]
    assert not np.array_equal(first, second)
    x, y = IMAGES[3:5], tf.constant(MASKS[3:5])
    policy = Policy("rotate(30)", 7)
    _, part = policy.paired(x, y, tf.constant(0), INDEX[3:5], IGNORED)
    assert np.array_equal(part.numpy(), first[3:5])


def test_steps_that_change_values_leave_masks_unchanged():
    images, masks = moved("brightness(0.2) | noise(0.1) | cutout(4)")
    assert np.array_equal(masks, MASKS)
    assert not np.array_equal(images, IMAGES[..., 0])


def test_a_policy_that_mixes_examples_is_refused():
    shape, classes = (SIDE, SIDE, 1), ("a", "b")
    spec = TaskSpec("x", "masks:x", shape, "uint8", classes, task="segmentation")
    with pytest.raises(UserError, match="step 1, mixup.*targets are maps"):
        check_policy(parse_pipe("mixup", GRAMMAR), spec)
    with pytest.raises(ValueError, match="maps cannot be mixed"):
        Policy("cutmix", 1).paired(IMAGES, MASKS, tf.constant(0), INDEX)
