"""Transforms of one kernel: values and gradients."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.compress.native.transforms import (
    Binary,
    Chain,
    Clustered,
    Int8,
    LowBit,
    Masked,
)

VALUES = np.random.default_rng(1).normal(size=(3, 4, 5)).astype(np.float32)


def test_int8_has_the_scale_of_the_largest_weight_of_each_channel():
    rounded = Int8((2,))(tf.constant(VALUES)).numpy()
    scales = np.abs(VALUES).max((0, 1)) / 127
    levels = rounded / scales
    assert np.abs(levels - np.round(levels)).max() < 1e-4
    assert np.abs(rounded - VALUES).max() <= scales.max() / 2 * 1.001
    assert np.allclose(np.abs(levels).max((0, 1)), 127)


def test_a_factor_per_channel_leaves_the_integers_unchanged():
    """So a batch normalization can be folded after the training."""
    factors = np.float32([0.3, -2.0, 1.0, 5.0, -0.01])
    scaled = Int8((2,))(tf.constant(VALUES * factors)).numpy()
    assert np.allclose(scaled, Int8((2,))(tf.constant(VALUES)).numpy() * factors)


def test_a_channel_of_zeros_stays_zero():
    assert not Int8((1,))(tf.zeros((2, 3))).numpy().any()


def test_equal_weights_stay_equal_and_get_the_mean_of_their_gradients():
    values = tf.Variable([[1.0, 2.0, 1.0], [2.0, 0.0, 0.0]])
    transform = Clustered(values.numpy())
    with tf.GradientTape() as tape:
        moved = transform(tf.add(values, [[0.1, 0.3, 0.3], [0.5, 0.7, 0.2]]))
        loss = tf.reduce_sum(moved * [[1.0, 5.0, 3.0], [7.0, 9.0, 9.0]])
    assert np.allclose(moved, [[1.2, 2.4, 1.2], [2.4, 0, 0]])
    assert np.allclose(tape.gradient(loss, values), [[2, 6, 2], [6, 0, 0]])


@pytest.mark.parametrize("bits", [2, 3, 5])
def test_low_bit_weights_are_multiples_of_a_learned_step(bits):
    kernel, transform = tf.Variable(VALUES), LowBit(VALUES, bits)
    with tf.GradientTape() as tape:
        rounded = transform(kernel)
        loss = tf.reduce_sum(rounded**2)
    gradients = tape.gradient(loss, [kernel, transform.log_step.value])
    levels = rounded.numpy() / np.exp(np.asarray(transform.log_step))
    assert len(np.unique(np.round(levels, 4))) <= 2**bits - 1
    assert all(np.any(np.asarray(gradient)) for gradient in gradients)


def test_binary_weights_have_one_magnitude_per_channel_to_the_bit():
    rounded = Binary((2,))(tf.constant(VALUES)).numpy()
    assert [len(np.unique(np.abs(rounded[..., i]))) for i in range(5)] == [1] * 5
    assert np.array_equal(np.sign(rounded), np.where(VALUES >= 0, 1, -1))
    assert len(np.unique(Binary(())(tf.constant(VALUES)))) == 2


def test_a_chain_keeps_zeros_and_passes_gradients_to_the_others():
    kernel, mask = tf.Variable(VALUES), VALUES > 0
    with tf.GradientTape() as tape:
        result = Chain([Masked(mask), Int8((2,))])(kernel)
        loss = tf.reduce_sum(result)
    assert not result.numpy()[~mask].any()
    assert np.array_equal(tape.gradient(loss, kernel), mask.astype(np.float32))
