"""Augmentation is a function of (seed, epoch, example), and does what it says."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.augment.draws import uniform
from pipeline.augment.policy import Policy

PIPE = (
    "shift(2) | rotate(20) | zoom(0.2) | flip | "
    "contrast(0.3) | brightness(0.2) | noise(0.1)"
)
IMAGES = np.random.default_rng(1).random((40, 9, 8, 3)).astype(np.float32)


def apply(pipe, x=IMAGES, epoch=0, index=None, seed=3):
    index = np.arange(len(x)) if index is None else index
    policy = Policy(pipe, seed)
    return policy(tf.constant(x), tf.constant(epoch), tf.constant(index)).numpy()


def mapped(pipe, workers, batch=8):
    """The same through tf.data's parallel map."""
    policy = Policy(pipe, 3)
    pairs = tf.data.Dataset.from_tensor_slices((IMAGES, np.arange(len(IMAGES))))
    batches = pairs.batch(batch, drop_remainder=True)
    augmented = batches.map(lambda x, at: policy(x, tf.constant(0), at), workers)
    return np.concatenate(list(augmented.as_numpy_iterator()))


def test_the_draws_are_uniform_and_differ_by_key_epoch_and_example():
    index = tf.range(20000)
    draws = uniform(1, tf.constant(0), index).numpy()
    assert draws.min() >= 0 and draws.max() < 1
    counts, _ = np.histogram(draws, bins=20, range=(0, 1))
    assert ((counts - 1000) ** 2 / 1000).sum() < 43.8  # chi squared, 19 degrees, 0.1 %
    for other in (uniform(2, tf.constant(0), index), uniform(1, tf.constant(1), index)):
        assert abs(np.corrcoef(draws, other.numpy())[0, 1]) < 0.03
    assert abs(np.corrcoef(draws[:-1], draws[1:])[0, 1]) < 0.03


@pytest.mark.parametrize("workers", [1, 8])
@pytest.mark.parametrize("batch", [4, 8])
def test_workers_and_batch_size_change_no_draw(workers, batch):
    np.testing.assert_allclose(mapped(PIPE, workers, batch), apply(PIPE), atol=1e-5)


def test_the_same_call_gives_the_same_bits():
    assert np.array_equal(mapped(PIPE, 8), mapped(PIPE, 1))


def test_the_order_of_examples_changes_no_draw():
    back = np.arange(len(IMAGES))[::-1].copy()
    reversed_ = apply(PIPE, IMAGES[::-1].copy(), index=back)
    np.testing.assert_allclose(reversed_[::-1], apply(PIPE), atol=1e-5)


@pytest.mark.parametrize("change", [{"epoch": 1}, {"seed": 4}])
def test_another_epoch_or_seed_gives_other_images(change):
    assert np.abs(apply(PIPE) - apply(PIPE, **change)).mean() > 0.05


@pytest.mark.parametrize(
    "pipe", ["", "shift(0)", "rotate(0)", "zoom(0)", "brightness(0)", "contrast(0)"]
)
def test_a_step_of_strength_zero_changes_nothing(pipe):
    np.testing.assert_allclose(apply(pipe), IMAGES, atol=1e-5)


def test_flip_mirrors_about_half_of_the_examples():
    flipped = apply("flip")
    mirrored = np.isclose(flipped, IMAGES[:, :, ::-1], atol=1e-5).all(axis=(1, 2, 3))
    same = np.isclose(flipped, IMAGES, atol=1e-5).all(axis=(1, 2, 3))
    assert (mirrored | same).all()
    assert 10 <= mirrored.sum() <= 30


def test_shift_moves_a_spot_by_at_most_its_reach_in_every_direction():
    spot = np.zeros((200, 15, 15, 1), np.float32)
    spot[:, 7, 7] = 1
    moved = apply("shift(3)", spot)
    rows, columns = np.indices((15, 15))
    weight = moved[..., 0].sum(axis=(1, 2))
    offsets = [
        (moved[..., 0] * axis).sum(axis=(1, 2)) / weight - 7 for axis in (rows, columns)
    ]
    for offset in offsets:
        assert np.abs(offset).max() < 3.01
        assert offset.min() < -2 and offset.max() > 2
    assert abs(np.corrcoef(*offsets)[0, 1]) < 0.25


def test_rotate_turns_about_the_centre_by_at_most_its_reach():
    line = np.zeros((200, 15, 15, 1), np.float32)
    line[:, 7, 9:14] = 1
    turned = apply("rotate(30)", line)[..., 0]
    rows, columns = np.indices((15, 15)) - 7
    weight = turned.sum(axis=(1, 2))
    y, x = ((turned * axis).sum(axis=(1, 2)) / weight for axis in (rows, columns))
    angles = np.degrees(np.arctan2(y, x))
    assert np.abs(angles).max() < 31
    assert angles.min() < -20 and angles.max() > 20


def test_noise_differs_from_pixel_to_pixel():
    grey = np.full((2, 8, 8, 1), 0.5, np.float32)
    noisy = apply("noise(0.1)", grey)
    assert len(np.unique(noisy)) > 100
    assert np.abs(noisy - 0.5).max() <= 0.1 + 1e-6
