"""Teachers: trained models that are asked and never changed.

In: .keras files. Out: their outputs (logits of a classification), and features of the
first one, for a batch. Where nothing is augmented, outputs are computed once and
looked up by position.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.distill.params import TRAINED, Teacher
from pipeline.core.errors import UserError, nearest
from pipeline.training.batches import Batch
from pipeline.models.files import load_model
from pipeline.models.errors import error_prefix
from pipeline.models.pretrained_parts import input_output_shapes
from pipeline.models.referenced_files import find_file
from pipeline.tasks.registry import task_of

ASKED = 512  # examples at once
PROBED = 64  # examples that show whether outputs are logits


class Faculty:
    """All teachers, with weights that add up to 1.

    Args:
        models: their outputs are logits of the student's classes.
        layers: of the first model, whose features are asked for.
    """

    def __init__(
        self,
        models: Sequence[keras.Model],
        weights: Sequence[float],
        layers: Sequence[str] = (),
    ):
        self.weights = [weight / sum(weights) for weight in weights]
        self.models = [tapped(models[0], layers, "teacher"), *models[1:]]
        self.known: list[tf.Tensor] = []

    def learn_by_heart(self, split: Split, spec: TaskSpec) -> None:
        """Compute all logits now; for a policy that changes no example."""
        self.known = [_answers(model, split, spec) for model in self.models]

    def __call__(self, batch: Batch) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Logits of each teacher, and the first one's features."""
        if self.known:
            return [tf.gather(known, batch.positions) for known in self.known], []
        told = [model(batch.x, training=False) for model in self.models]
        (first, *features), *others = [keras.tree.flatten(one) for one in told]
        logits = [first, *(one[0] for one in others)]
        return list(map(_still, logits)), list(map(_still, features))


def read_teachers(
    teachers: Sequence[Teacher], trained: Path, split: Split, spec: TaskSpec
) -> list[keras.Model]:
    """Load and check the teachers.

    Args:
        trained: the train stage's model.

    Raises:
        UserError: for a file that is missing, of other classes or inputs, or whose
            outputs are probabilities.
    """
    x = spec.to_input(np.asarray(split.x[:PROBED]))
    models = [_load(at, one, trained) for at, one in enumerate(teachers)]
    for at, (teacher, model) in enumerate(zip(teachers, models)):
        check(model, f"{_key(at)} {teacher.model}", spec, x)
    return models


def _load(at: int, teacher: Teacher, trained: Path) -> keras.Model:
    path = trained if teacher.model == TRAINED else find_file(teacher.model)
    with error_prefix(f"{_key(at)}: "):
        return load_model(path)


def _key(at: int) -> str:
    return f"distill.teachers.{at}.model"


def check(model: keras.Model, name: str, spec: TaskSpec, x: np.ndarray) -> None:
    """Refuse a teacher that cannot teach this task; `name` is its key and file."""
    with error_prefix(f"{name} "):
        takes, gives = input_output_shapes(model)
    task = task_of(spec)
    what = "logits" if task.predicts_classes else "outputs"
    wanted = task.output_shape(spec)
    if takes != spec.shape or gives != wanted:
        raise UserError(
            f"{name}: makes {gives} of {takes}; {spec.source} needs "
            f"{what} of shape {wanted} of examples of {spec.shape}"
        )
    if not task_of(spec).predicts_classes:
        return
    found = np.asarray(model(x, training=False))
    if (found >= 0).all() and np.allclose(found.sum(axis=-1), 1, atol=1e-3):
        raise UserError(
            f"{name}: its outputs are probabilities (they add up to "
            "1); logits are needed: leave out its softmax"
        )


def tapped(model: keras.Model, layers: Sequence[str], whose: str) -> keras.Model:
    """The same model, which also gives the outputs of `layers`; the layers are shared.

    Raises:
        UserError: for a layer that is not there.
    """
    if not layers:
        return model
    names = [layer.name for layer in model.layers]
    for name in layers:
        if name not in names:
            raise UserError(
                f'distill.hints: the {whose} has no layer "{name}"'
                f"{nearest(name, names)} (there are: {', '.join(names)})"
            )
    features = [model.get_layer(name).output for name in layers]
    return keras.Model(model.inputs, [model.outputs[0], *features])


def _still(x: tf.Tensor) -> tf.Tensor:
    return tf.stop_gradient(tf.cast(x, tf.float32))


def _answers(model: keras.Model, split: Split, spec: TaskSpec) -> tf.Tensor:
    ask = tf.function(lambda x: keras.tree.flatten(model(x, training=False))[0])
    begins = range(0, len(split), ASKED)
    parts = [ask(spec.to_input(split.x[at : at + ASKED])) for at in begins]
    return tf.cast(tf.concat(parts, axis=0), tf.float32)
