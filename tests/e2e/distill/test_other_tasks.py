"""Students of numbers and of what is rebuilt; and how wide a student is."""

from __future__ import annotations

import keras
import numpy as np
import pytest
import tensorflow as tf

from pipeline.core.errors import UserError
from pipeline.data.artifact import Data, Split
from pipeline.data.spec import TaskSpec
from pipeline.distill.objective import DistillationObjective
from pipeline.distill.params import DistillParams
from pipeline.distill.student_trainer import StudentTrainer
from pipeline.distill.teacher import TeacherEnsemble, check_teacher
from pipeline.engine.stage import Inputs
from pipeline.models import registry
from pipeline.models.files import save_model
from pipeline.train.artifact import Architecture, write_architecture
from pipeline.training.batches import BatchSource
from pipeline.training.context import FitContext, FitData
from pipeline.training.loop import fit
from pipeline.training.losses import example_losses
from pipeline.training.params import FitSettings

RNG = np.random.default_rng(5)
TABLE = ("x", "x:x", (5,), "float32")
SPECS = {
    "regression": TaskSpec(*TABLE, (), modality="table", task="regression"),
    "anomaly_detection": TaskSpec(
        *TABLE, ("normal", "anomaly"), task="anomaly_detection"
    ),
}
X = RNG.normal(size=(64, 5)).astype(np.float32)
DATA = {
    "regression": Split(X, X[:, 0] - X[:, 1]),
    "anomaly_detection": Split(X, np.zeros(64, np.int64)),
}
BUILDERS = {"regression": "mlp", "anomaly_detection": "autoencoder"}


def net(task: str, seed: int, width: float = 0.25):
    values = {"width": width, "layers": 1, "dropout": 0.0, "normalization": "none"}
    return registry.build(BUILDERS[task], values, SPECS[task], seed)


def distillation(task: str, student, teacher, **params) -> DistillationObjective:
    params, ensemble = DistillParams(**params), TeacherEnsemble([teacher], [1.0])
    loss = example_losses(params, SPECS[task])
    return DistillationObjective(student, ensemble, params, loss, 1, classes=False)


def batch(task: str):
    feed = BatchSource(DATA[task], SPECS[task], 64, 1)
    return feed.batch(tf.constant(0, tf.int64), tf.range(64, dtype=tf.int64))


@pytest.mark.parametrize("task", SPECS)
def test_a_student_of_numbers_learns_a_weighted_sum_of_label_and_teacher(task):
    teacher, student, given = net(task, 1, 0.5), net(task, 2), batch(task)
    outputs = teacher(given.x)
    true = tf.reshape(given.y, tf.shape(outputs))

    def gradient(loss):
        with tf.GradientTape() as tape:
            value = tf.reduce_mean(loss(student(given.x)))
        return tape.gradient(value, student.trainable_variables[0].value)

    objective = distillation(task, student, teacher, distillation_weight=0.7)
    with tf.GradientTape() as tape:
        value = tf.reduce_mean(objective(student, given)[0])
    received = tape.gradient(value, student.trainable_variables[0].value)
    summed = gradient(lambda out: (out - (0.3 * true + 0.7 * outputs)) ** 2)
    np.testing.assert_allclose(received, summed, rtol=1e-3, atol=1e-6)
    alone = gradient(lambda out: (out - true) ** 2)
    assert not np.allclose(received, alone, rtol=1e-2)


@pytest.mark.parametrize("cached", [False, True])
@pytest.mark.parametrize("task", SPECS)
def test_distillation_alone_brings_a_student_to_its_teacher(task, cached):
    teacher, student = net(task, 1, 0.5), net(task, 2, 0.5)
    objective = distillation(task, student, teacher, distillation_weight=1.0)
    if cached:
        objective.ensemble.cache_logits(DATA[task], SPECS[task])

    def apart() -> float:
        return float(np.mean((student(X) - teacher(X)) ** 2))

    before = apart()
    settings = FitSettings(epochs=25, learning_rate=0.02, patience=25)
    given = {"seed": 1, "objective": objective}
    fit(
        student,
        FitData(SPECS[task], DATA[task], DATA[task]),
        settings,
        FitContext(**given),
    )
    assert apart() < before / 4


def test_a_teacher_of_another_task_is_refused():
    number, rebuilt = (net(task, 1) for task in SPECS)
    check_teacher(number, "a.keras", SPECS["regression"], X)
    check_teacher(rebuilt, "a.keras", SPECS["anomaly_detection"], X)
    with pytest.raises(UserError, match=r"needs \(5,\) to \(1,\) outputs"):
        check_teacher(rebuilt, "a.keras", SPECS["regression"], X)
    with pytest.raises(UserError, match=r"needs \(5,\) to \(5,\) outputs"):
        check_teacher(number, "a.keras", SPECS["anomaly_detection"], X)


@pytest.fixture
def trainer(tmp_path):
    """Creates a trainer whose trained model is an mlp of the given width."""

    def made(wide: float = 1.0, **params) -> StudentTrainer:
        values = {"width": wide, "units": 64, "layers": 2}
        write_architecture(tmp_path, Architecture("mlp", values, 4545))
        inputs = Inputs({"train": tmp_path}, 1, scratch=tmp_path)
        params = DistillParams.model_validate(params)
        data = Data(tmp_path, SPECS["regression"])
        return StudentTrainer(params, inputs, data, tmp_path)

    return made


@pytest.mark.parametrize(
    ("teacher", "params", "wide"),
    [
        (1.0, {}, 0.25),
        (1.0, {"width": 0.5}, 0.5),
        (0.5, {"width": 0.5}, 0.25),  # a fraction of the teacher's
        (0.5, {"values": {"width": 0.5}}, 0.5),  # the builder's own
        (0.5, {"width": 0.5, "builder": "cnn1d"}, 0.5),  # of another builder's default
    ],
)
def test_width_is_a_fraction_of_the_teachers(trainer, teacher, params, wide):
    _, architecture = trainer(teacher, **params).student(1)
    assert architecture.values["width"] == wide


OWN = """\
import keras


def plain(hp, spec):
    given = keras.Input(spec.shape, name="row")
    return keras.Model(given, keras.layers.Dense(1, name="out")(given))
"""


def test_a_builder_without_width_stays_as_it_is_and_takes_no_other(
    trainer, own_modules
):
    (own_modules / "mine.py").write_text(OWN)
    _, architecture = trainer(builder="mine:plain").student(1)
    assert architecture.values == {} and architecture.weights == 6
    with pytest.raises(UserError, match=r"distill.width 0.5: .*no hyperparameter .w"):
        trainer(builder="mine:plain", width=0.5).student(1)


@pytest.mark.parametrize(
    ("params", "said"),
    [
        ({"values": {"activation": "nope"}}, '^distill.values.activation: no "nope"'),
        ({"builder": "text_cnn"}, "^distill.builder text_cnn: needs tokens"),
        ({"builder": "unet", "width": 0.5}, "^distill.builder unet: needs images"),
        (
            {"teachers": [{"model": "train"}, {"model": "no.keras"}]},
            "^distill.teachers.1.model: /.*/no.keras: there is no such file$",
        ),
        (
            {"hints": [{"student": "x", "teacher": "out"}]},
            "^distill.hints: the teacher has no layer",
        ),
    ],
)
def test_a_mistake_is_told_before_any_fit_and_names_what_the_user_set(
    trainer, params, said
):
    made = trainer(**params)
    save_model(net("regression", 1), made.out / "model.keras")
    for name in ("x", "y"):
        np.save(made.out / f"train_{name}.npy", getattr(DATA["regression"], name))
    with pytest.raises(UserError, match=said):
        made.check()


def test_a_teacher_of_two_outputs_is_refused_as_one():
    given = keras.Input((5,))
    ends = [keras.layers.Dense(units)(given) for units in (1, 3)]
    said = r"^key a.keras has 2 outputs, \(1,\) and \(3,\); one is needed$"
    with pytest.raises(UserError, match=said):
        check_teacher(keras.Model(given, ends), "key a.keras", SPECS["regression"], X)


def test_width_and_values_width_exclude_each_other():
    with pytest.raises(ValueError, match="width 0.5 and values.width 0.75 exclude"):
        DistillParams(width=0.5, values={"width": 0.75})
