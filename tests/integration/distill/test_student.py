"""Distillation: what a student learns, and that its teachers stay as they are."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.core.errors import UserError
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.distill.losses import kd
from pipeline.distill.objective import DistillationObjective, interpolate
from pipeline.distill.params import DistillParams, Hint
from pipeline.distill.teacher import TeacherEnsemble, check_teacher
from pipeline.models import registry
from pipeline.training.batches import Batch
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.losses import example_losses
from pipeline.training.params import FitSettings

RNG = np.random.default_rng(3)
SPEC = TaskSpec("x", "x:x", (8, 8, 1), "uint8", ("a", "b", "c"), scale=1 / 255)
RAPID = FitSettings(epochs=8, learning_rate=1e-2)


def net(seed: int, width: float = 0.25, **values) -> keras.Model:
    return registry.build("cnn", {"width": width, "dropout": 0.0, **values}, SPEC, seed)


def distillation(student, teachers, **params) -> DistillationObjective:
    params = DistillParams(**params)
    layers = [hint.teacher for hint in params.hints]
    ensemble = TeacherEnsemble(teachers, [1.0] * len(teachers), layers)
    loss = example_losses(params, SPEC)
    return DistillationObjective(student, ensemble, params, loss, 1)


def split(count: int) -> Split:
    x = RNG.integers(0, 255, (count, 8, 8, 1)).astype(np.uint8)
    return Split(x, RNG.integers(0, 3, count))


def batch(count: int = 8, progress: float = 0.0, soft: bool = False) -> Batch:
    made = split(count)
    y = tf.one_hot(made.y, 3) if soft else tf.constant(made.y)
    at = tf.range(count, dtype=tf.int64)
    return Batch(tf.constant(SPEC.to_input(made.x)), y, None, at, progress)


def grey(count: int) -> Split:
    """Images of three levels of grey, which are the classes, under noise."""
    y = np.arange(count) % 3
    noise = RNG.integers(0, 100, (count, 8, 8, 1))
    return Split((noise + 70 * y[:, None, None, None]).astype(np.uint8), y)


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
def test_weight_0_is_the_chosen_loss_and_weight_1_is_distillation(smoothing):
    teacher, student, given = net(1, 0.5), net(2), batch()
    logits = student(given.x)
    settings = FitSettings(label_smoothing=smoothing)
    true = example_losses(settings, SPEC)(given.y, logits)
    for weight, expected in ((0, true), (1, kd(logits, teacher(given.x), 4.0))):
        params = {"distillation_weight": weight, "label_smoothing": smoothing}
        loss, own = distillation(student, [teacher], **params)(student, given)
        np.testing.assert_allclose(loss, expected, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(own, logits, rtol=1e-4, atol=1e-5)


def test_smoothing_changes_the_loss_of_a_student():
    """What the plain cross-entropy of the first version left out."""
    teacher, student, given = net(1), net(2), batch()
    plain, _ = distillation(student, [teacher], distillation_weight=0.0)(student, given)
    smooth, _ = distillation(
        student, [teacher], distillation_weight=0.0, label_smoothing=0.2
    )(student, given)
    assert not np.allclose(plain, smooth, rtol=1e-3)


def test_several_teachers_are_weighted():
    teachers, student, given = [net(1), net(3)], net(2), batch()
    params = DistillParams(distillation_weight=1.0)
    ensemble, loss = TeacherEnsemble(teachers, [3.0, 1.0]), example_losses(params, SPEC)
    objective = DistillationObjective(student, ensemble, params, loss, 1)
    loss, logits = objective(student, given)
    each = [kd(logits, teacher(given.x), 4.0) for teacher in teachers]
    np.testing.assert_allclose(loss, 0.75 * each[0] + 0.25 * each[1], rtol=1e-4)


def test_weight_and_temperature_go_in_a_straight_line():
    assert [interpolate(1.0, 3.0, p) for p in (0.0, 0.5, 1.0)] == [1.0, 2.0, 3.0]
    assert interpolate(1.0, None, 0.7) == 1.0
    teacher, student = net(1), net(2)
    params = {
        "distillation_weight": 1.0,
        "distillation_weight_end": 0.0,
        "temperature": 8.0,
    }
    objective = distillation(student, [teacher], **params, temperature_end=2.0)
    given = batch(progress=0.5)
    logits = student(given.x)
    true = example_losses(FitSettings(), SPEC)(given.y, logits)
    expected = 0.5 * true + 0.5 * kd(logits, teacher(given.x), 5.0)
    np.testing.assert_allclose(objective(student, given)[0], expected, rtol=1e-4)


def test_a_fit_changes_the_student_and_leaves_the_teacher():
    teacher = registry.build("resnet", {"filters": 8, "stages": 2}, SPEC, 1)
    student = net(2)
    before = [w.copy() for w in (v.numpy() for v in teacher.variables)]
    start = student.get_weights()
    objective = distillation(student, [teacher])
    fit(
        student,
        FitData(SPEC, split(64), split(32)),
        FitSettings(epochs=2),
        FitContext(1, objective=objective),
    )
    now = [variable.numpy() for variable in teacher.variables]
    assert all(map(np.array_equal, before, now))
    assert not any(map(np.array_equal, start, student.get_weights()))


def test_validation_does_not_touch_batch_statistics():
    student = registry.build("resnet", {"filters": 8, "stages": 2}, SPEC, 1)
    moving = [v for v in student.non_trainable_variables if "moving" in v.path]
    still = FitSettings(epochs=1, learning_rate=1e-12, checkpoint_seconds=0)
    ends = []
    for validation in (split(8), split(64)):
        student.set_weights([w * 0 + 0.5 for w in student.get_weights()])
        train = Split(np.full((64, 8, 8, 1), 7, np.uint8), np.arange(64) % 3)
        objective = distillation(student, [net(1)])
        fit(
            student,
            FitData(SPEC, train, validation),
            still,
            FitContext(1, objective=objective),
        )
        ends.append([variable.numpy() for variable in moving])
    assert all(map(np.array_equal, *ends))
    assert not np.allclose(ends[0][0], 0.5)  # training did move them


@pytest.mark.parametrize("cached", [False, True])
def test_distillation_alone_reaches_the_teachers_answers(cached):
    teacher, student, examples = net(1, 0.5), net(2), grey(240)
    fit(teacher, FitData(SPEC, examples, examples), RAPID, FitContext(1))
    x = SPEC.to_input(examples.x)
    answers = np.argmax(teacher(x), axis=-1)
    assert len(set(answers)) == 3
    wrong = Split(examples.x, (answers + 1) % 3)  # the true classes do not count
    objective = distillation(student, [teacher], distillation_weight=1.0)
    if cached:
        objective.ensemble.cache_logits(wrong, SPEC)
    rapid = RAPID.model_copy(update={"epochs": 30})
    check_on = Split(examples.x, answers)
    fit(
        student,
        FitData(SPEC, wrong, check_on),
        rapid,
        FitContext(1, objective=objective),
    )
    assert np.mean(np.argmax(student(x), axis=-1) == answers) >= 0.99


def test_what_was_computed_before_is_what_the_teacher_says():
    teacher, examples = net(1), split(700)
    ensemble = TeacherEnsemble([teacher], [1.0])
    at = tf.constant([3, 650, 12], tf.int64)
    given = Batch(tf.constant(SPEC.to_input(examples.x[at])), None, None, at)
    (live,), _ = ensemble(given)
    ensemble.cache_logits(examples, SPEC)
    (known,), _ = ensemble(given)
    np.testing.assert_allclose(live, known, rtol=1e-4, atol=1e-5)


HINTS = [
    ("fitnets", "conv2", "conv1"),
    ("attention", "conv1", "conv2"),
    ("relation", "dense", "dense"),
]


@pytest.mark.parametrize(("kind", "own", "theirs"), HINTS)
def test_hints_bring_features_nearer_across_widths_and_sizes(kind, own, theirs):
    teacher, student, examples = net(1, 0.5), net(2), grey(96)
    hint = Hint(kind=kind, student=own, teacher=theirs, weight=20.0)
    params = {"distillation_weight": 0.0, "hints": [hint]}
    objective = distillation(student, [teacher], **params)
    at = tf.range(32, dtype=tf.int64)
    given = Batch(
        tf.constant(SPEC.to_input(examples.x[:32])),
        tf.constant(examples.y[:32]),
        None,
        at,
    )
    true = example_losses(FitSettings(), SPEC)

    def size() -> float:
        loss, logits = objective(student, given)
        return float(tf.reduce_mean(loss - true(given.y, logits)))

    before = size()
    fit(
        student,
        FitData(SPEC, examples, examples),
        RAPID,
        FitContext(1, objective=objective),
    )
    assert 0 < size() < before
    assert bool(objective.variables) == (kind == "fitnets")


def test_regularisation_and_weights_of_classes_count():
    student = net(2, l2=0.5)
    train = Split(split(32).x, np.zeros(32, np.int64), class_weights=(0.0, 1.0, 1.0))
    objective = distillation(student, [net(1)])
    settings = FitSettings(epochs=1, learning_rate=1e-9, batch_size=32)
    penalty = float(tf.add_n(student.losses))
    history = fit(
        student,
        FitData(SPEC, train, train),
        settings,
        FitContext(1, objective=objective),
    )
    assert history.rows[0]["loss"] == pytest.approx(penalty, rel=1e-3)


@pytest.mark.parametrize("name", ["kd", "standardized_kd", "dkd"])
def test_a_student_is_fitted_on_mixed_examples_too(name):
    student = net(2)
    objective = distillation(
        student, [net(1)], distillation_loss=name, label_smoothing=0.1
    )
    once, mixup = FitSettings(epochs=1), Policy("mixup", 1)
    data = FitData(SPEC, split(40), split(20), mixup)
    history = fit(student, data, once, FitContext(1, objective=objective))
    assert np.isfinite(history.best["loss"])


def test_a_hint_of_a_layer_that_is_not_there_is_an_error():
    for own, theirs, whose in (
        ("conv9", "conv1", "student"),
        ("conv1", "convv1", "teacher"),
    ):
        hints = [Hint(student=own, teacher=theirs)]
        with pytest.raises(
            UserError, match=f'the {whose} has no layer "conv'
        ) as raised:
            distillation(net(2), [net(1)], hints=hints)
        assert "there are: image, conv1" in str(raised.value)


def test_attention_to_a_layer_without_places_is_an_error():
    hints = [Hint(kind="attention", student="dense", teacher="dense")]
    with pytest.raises(UserError, match='needs positions, but layer "dense" returns'):
        distillation(net(2), [net(1)], hints=hints)


def test_a_teacher_of_another_task_or_with_probabilities_is_refused():
    x = SPEC.to_input(split(8).x)
    check_teacher(net(1), "a.keras", SPEC, x)
    other = TaskSpec("y", "y:y", (8, 8, 1), "uint8", ("a", "b"))
    with pytest.raises(UserError, match=r"a.keras maps \(8, 8, 1\) to \(2,\)"):
        check_teacher(registry.build("cnn", {}, other, 1), "a.keras", SPEC, x)
    model = net(1)
    soft = keras.Model(model.input, keras.layers.Softmax()(model.output))
    with pytest.raises(UserError, match="probabilities .* remove its softmax"):
        check_teacher(soft, "a.keras", SPEC, x)
