"""Distillation: the loss is the paper's, and the teacher stays as it is."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.distill.losses import hinton
from pipeline.distill.student import Distilled
from pipeline.fit.loop import fit
from pipeline.fit.params import FitSettings
from pipeline.models import registry

RNG = np.random.default_rng(3)
STUDENT = tf.constant(RNG.normal(size=(6, 4)), tf.float32)
TEACHER = tf.constant(RNG.normal(size=(6, 4)), tf.float32)
SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b", "c"), scale=1 / 255)


@pytest.mark.parametrize("temperature", [1.0, 4.0, 10.0])
def test_the_loss_is_kl_of_softened_outputs_times_t_squared(temperature):
    soft = [tf.nn.softmax(z / temperature).numpy() for z in (TEACHER, STUDENT)]
    expected = temperature**2 * (soft[0] * np.log(soft[0] / soft[1])).sum(axis=-1)
    got = hinton(STUDENT, TEACHER, temperature).numpy()
    np.testing.assert_allclose(got, expected, rtol=1e-3, atol=1e-5)


def test_the_loss_is_zero_for_equal_outputs_and_positive_otherwise():
    np.testing.assert_allclose(hinton(TEACHER, TEACHER, 4.0), 0, atol=1e-5)
    assert (hinton(STUDENT, TEACHER, 4.0).numpy() > 0).all()


def test_the_gradient_keeps_its_size_when_the_temperature_grows():
    def size(temperature):
        with tf.GradientTape() as tape:
            tape.watch(STUDENT)
            loss = tf.reduce_sum(hinton(STUDENT, TEACHER, temperature))
        return float(tf.norm(tape.gradient(loss, STUDENT)))

    assert size(20.0) == pytest.approx(size(40.0), rel=0.1)


def pair(weight: float):
    teacher = registry.build("cnn", {"width": 0.5}, SPEC, 1)
    student = registry.build("cnn", {"width": 0.25, "dropout": 0.0}, SPEC, 2)
    return Distilled(student, teacher, weight, 4.0), student, teacher


def split(count: int) -> Split:
    x = RNG.integers(0, 255, (count, 8, 8, 1)).astype(np.uint8)
    return Split(x, RNG.integers(0, 3, count))


def test_weight_0_is_cross_entropy_and_weight_1_is_imitation():
    x, y = SPEC.to_input(split(8).x), split(8).y
    for weight in (0.0, 1.0):
        model, student, teacher = pair(weight)
        logits = student(x)
        true = keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)
        imitation = hinton(logits, teacher(x), 4.0)
        expected = tf.reduce_mean(imitation if weight else true)
        got = model.compute_loss(x, y, logits, training=True)
        assert float(got) == pytest.approx(float(expected), rel=1e-5)


def test_a_fit_changes_the_student_and_leaves_the_teacher():
    model, student, teacher = pair(0.7)
    before = [w.copy() for w in teacher.get_weights()]
    start = [w.copy() for w in student.get_weights()]
    fit(model, SPEC, split(64), split(32), FitSettings(epochs=2), seed=1)
    assert all(map(np.array_equal, before, teacher.get_weights()))
    assert not any(map(np.array_equal, start, student.get_weights()))
    assert len(model.trainable_variables) == len(student.trainable_variables)


def grey(count: int) -> Split:
    """Images of three levels of grey, which are the classes, under noise."""
    y = np.arange(count) % 3
    noise = RNG.integers(0, 100, (count, 8, 8, 1))
    return Split((noise + 70 * y[:, None, None, None]).astype(np.uint8), y)


def test_imitation_alone_reaches_the_teachers_answers():
    model, student, teacher = pair(1.0)
    examples = grey(240)
    rapid = FitSettings(epochs=8, learning_rate=1e-2)
    fit(teacher, SPEC, examples, examples, rapid, seed=1)
    x = SPEC.to_input(examples.x)
    answers = np.argmax(teacher(x), axis=-1)
    assert len(set(answers)) == 3
    taught = Split(examples.x, answers)
    fit(model, SPEC, taught, taught, rapid.model_copy(update={"epochs": 30}), seed=1)
    assert np.mean(np.argmax(student(x), axis=-1) == answers) >= 0.99


def test_regularisation_of_the_student_counts():
    x = keras.Input((8, 8, 1))
    flat = keras.layers.Flatten()(x)
    dense = keras.layers.Dense(3, kernel_regularizer=keras.regularizers.L2(0.5))
    student = keras.Model(x, dense(flat))
    _, _, teacher = pair(0.0)
    model = Distilled(student, teacher, 0.0, 4.0)
    inputs, y = SPEC.to_input(split(8).x), split(8).y
    logits = model(inputs)
    plain = keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)
    penalty = 0.5 * float(tf.reduce_sum(dense.kernel**2))
    got = float(model.compute_loss(inputs, y, logits, training=True))
    assert got == pytest.approx(float(tf.reduce_mean(plain)) + penalty, rel=1e-4)


def test_a_student_is_fitted_on_mixed_examples_too():
    model, student, _ = pair(0.0)
    x, y = SPEC.to_input(split(8).x), np.eye(3, dtype=np.float32)[[0, 1, 2, 0] * 2]
    hard = model.compute_loss(x, y.argmax(axis=1), student(x))
    assert float(model.compute_loss(x, y, student(x))) == pytest.approx(float(hard))
    mixed = float(model.compute_loss(x, (y + y[::-1]) / 2, student(x)))
    assert mixed != pytest.approx(float(hard))
    settings = FitSettings(epochs=1)
    policy = Policy("mixup", 1)
    history = fit(model, SPEC, split(40), split(20), settings, seed=1, policy=policy)
    assert np.isfinite(history.best["loss"])
