"""Losses of distillation: each is its paper's, by hand and by its properties."""

from __future__ import annotations

import numpy as np
import pytest
import tensorflow as tf

from pipeline.distill.losses import (
    DKD_BETA,
    attention,
    dkd,
    fitnets,
    kd,
    standardized_kd,
)
from pipeline.tasks.relation import relation

RNG = np.random.default_rng(3)
STUDENT = tf.constant(RNG.normal(size=(6, 4)), tf.float32)
TEACHER = tf.constant(RNG.normal(size=(6, 4)), tf.float32)
Y = tf.one_hot([0, 1, 2, 3, 0, 1], 4)
MAPS = [tf.constant(RNG.normal(size=(6, 5, 5, c)), tf.float32) for c in (3, 8)]


def softmax(z):
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


def kl(p, q):
    return (p * np.log(p / q)).sum(axis=-1)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 10.0])
def test_kd_is_kl_of_softened_outputs_times_t_squared(temperature):
    soft = [softmax(z.numpy() / temperature) for z in (TEACHER, STUDENT)]
    got = kd(STUDENT, TEACHER, temperature).numpy()
    np.testing.assert_allclose(got, temperature**2 * kl(*soft), rtol=1e-3, atol=1e-5)


def test_the_gradient_keeps_its_size_when_the_temperature_grows():
    def size(temperature, power):
        with tf.GradientTape() as tape:
            tape.watch(STUDENT)
            loss = tf.reduce_sum(kd(STUDENT, TEACHER, temperature))
        return float(tf.norm(tape.gradient(loss, STUDENT))) / temperature**power

    assert size(20.0, 0) == pytest.approx(size(40.0, 0), rel=0.1)
    # The negative control: without T squared it falls with the square.
    assert size(20.0, 2) == pytest.approx(4 * size(40.0, 2), rel=0.1)


def test_standardized_logits_do_not_care_for_size_and_shift():
    loss = standardized_kd(STUDENT, TEACHER, 2.0)
    np.testing.assert_allclose(
        standardized_kd(5 * STUDENT - 3, 0.1 * TEACHER + 7, 2.0), loss, rtol=1e-3
    )
    assert not np.allclose(kd(5 * STUDENT, TEACHER, 2.0), loss, rtol=0.1)
    z = [(x - x.mean(-1, keepdims=True)) / x.std(-1, keepdims=True) for x in (S, T)]
    np.testing.assert_allclose(loss, kd(*z, 2.0), rtol=1e-3)


S, T = STUDENT.numpy(), TEACHER.numpy()


def test_dkd_is_its_two_parts():
    """And with the weight of the others as the teacher has it, it is kd."""
    true = Y.numpy().astype(bool)
    p, q = softmax(T / 2), softmax(S / 2)
    binary = [np.stack([x[true], 1 - x[true]], -1) for x in (p, q)]
    others = [x[~true].reshape(6, 3) / (1 - x[true])[:, None] for x in (p, q)]
    expected = 4 * (kl(*binary) + DKD_BETA * kl(*others))
    got = dkd(STUDENT, TEACHER, 2.0, Y).numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-3)
    whole = 4 * (kl(*binary) + (1 - p[true]) * kl(*others))
    np.testing.assert_allclose(kd(STUDENT, TEACHER, 2.0), whole, rtol=1e-3)


def test_attention_looks_at_places_and_not_at_channels():
    first, other = MAPS
    many = tf.repeat(first, 4, axis=-1)
    np.testing.assert_allclose(attention(first, 3 * many), 0, atol=1e-5)
    assert (attention(first, other).numpy() > 0.01).all()


def test_relation_does_not_change_when_the_space_is_turned_or_scaled():
    turn, _ = np.linalg.qr(RNG.normal(size=(4, 4)))
    turned = tf.constant(3 * S @ turn + 1, tf.float32)
    np.testing.assert_allclose(relation(turned, STUDENT), 0, atol=1e-4)
    assert (relation(TEACHER, STUDENT).numpy() > 0.01).all()
    with tf.GradientTape() as tape:  # the distance of an example to itself is 0
        tape.watch(STUDENT)
        loss = tf.reduce_sum(relation(STUDENT, TEACHER))
    assert np.isfinite(tape.gradient(loss, STUDENT)).all()


@pytest.mark.parametrize(
    "loss",
    [
        lambda a, b: kd(a, b, 4.0),
        lambda a, b: standardized_kd(a, b, 4.0),
        lambda a, b: dkd(a, b, 4.0, Y),
        fitnets,
        relation,
    ],
)
def test_a_loss_is_zero_for_equal_outputs_and_positive_otherwise(loss):
    assert loss(STUDENT, TEACHER).shape == (6,)
    np.testing.assert_allclose(loss(TEACHER, TEACHER), 0, atol=1e-5)
    assert (loss(STUDENT, TEACHER).numpy() > 0).all()
