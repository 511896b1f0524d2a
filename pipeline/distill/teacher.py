"""Teachers: trained models that are evaluated and never changed.

In: .keras files. Out: their outputs for a batch (logits in classification), and
features of the first one. Without augmentation, outputs are computed once and looked up
by the positions of the examples.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf

from pipeline.core.errors import UserError, did_you_mean
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.distill.params import TRAINED, Teacher
from pipeline.models.errors import error_prefix
from pipeline.models.files import load_model
from pipeline.models.pretrained_parts import input_output_shapes
from pipeline.models.referenced_files import find_file
from pipeline.tasks.registry import task_of
from pipeline.training.batches import Batch

BATCH_SIZE = 512  # of the cached outputs
PROBE_SIZE = 64  # examples that show whether outputs are logits


class TeacherEnsemble:
    """All teachers, with weights that sum to 1.

    Args:
        models: teachers; their outputs have the shape of the student's.
        weights: weight of each, in any unit.
        layers: names of layers of the first model, whose features are returned.
    """

    def __init__(
        self,
        models: Sequence[keras.Model],
        weights: Sequence[float],
        layers: Sequence[str] = (),
    ):
        self.weights = [weight / sum(weights) for weight in weights]
        self.models = [with_features(models[0], layers, "teacher"), *models[1:]]
        self.cache: list[tf.Tensor] = []

    def cache_logits(self, split: Split, spec: TaskSpec) -> None:
        """Compute the outputs for all examples now; for fits without augmentation.

        Args:
            split: examples of the fit, in the order that `Batch.positions` refers to.
            spec: describes how stored examples become inputs.
        """
        self.cache = [_predict(model, split, spec) for model in self.models]

    def __call__(self, batch: Batch) -> tuple[list[tf.Tensor], list[tf.Tensor]]:
        """Evaluate the teachers.

        Args:
            batch: inputs, `(batch, ...)`, and their positions in the split.

        Returns:
            Outputs of each teacher, `(batch, ...)`, and features of the first one, a
            tensor per layer; no features where outputs are cached. No gradient flows.
        """
        if self.cache:
            return [tf.gather(cached, batch.positions) for cached in self.cache], []
        results = [model(batch.x, training=False) for model in self.models]
        (first, *features), *others = map(keras.tree.flatten, results)
        outputs = [first, *(other[0] for other in others)]
        return list(map(_constant, outputs)), list(map(_constant, features))


def read_teachers(
    teachers: Sequence[Teacher], trained: Path, split: Split, spec: TaskSpec
) -> list[keras.Model]:
    """Load and check the teachers.

    Args:
        teachers: the key `distill.teachers`.
        trained: path of the train stage's model.
        split: examples, of which the first show whether outputs are logits.
        spec: the task.

    Returns:
        The models, in the order of `teachers`.

    Raises:
        UserError: for a file that is missing, has other classes or inputs, or returns
            probabilities.
    """
    x = spec.to_input(np.asarray(split.x[:PROBE_SIZE]))
    models = [_load(n, teacher, trained) for n, teacher in enumerate(teachers)]
    for n, (teacher, model) in enumerate(zip(teachers, models)):
        check_teacher(model, f"{_key(n)} {teacher.model}", spec, x)
    return models


def _load(number: int, teacher: Teacher, trained: Path) -> keras.Model:
    path = trained if teacher.model == TRAINED else find_file(teacher.model)
    with error_prefix(f"{_key(number)}: "):
        return load_model(path)


def _key(number: int) -> str:
    return f"distill.teachers.{number}.model"


def check_teacher(model: keras.Model, name: str, spec: TaskSpec, x: np.ndarray) -> None:
    """Refuse a model that cannot be a teacher of this task.

    Args:
        model: the teacher.
        name: its key and file, for errors.
        spec: the task.
        x: inputs, `(n, ...)`, for which a classifier is evaluated.

    Raises:
        UserError: for other inputs, other outputs, or probabilities.
    """
    with error_prefix(f"{name} "):
        input_shape, output_shape = input_output_shapes(model)
    task = task_of(spec)
    kind = "logits" if task.predicts_classes else "outputs"
    if input_shape != spec.shape or not task.accepts(output_shape, spec):
        raise UserError(
            f"{name} maps {input_shape} to {output_shape}; {spec.source} needs "
            f"{spec.shape} to {task.needs(spec)} {kind}"
        )
    if task.predicts_classes:
        _check_logits(np.asarray(model(x, training=False)), name)


def _check_logits(outputs: np.ndarray, name: str) -> None:
    if (outputs >= 0).all() and np.allclose(outputs.sum(axis=-1), 1, atol=1e-3):
        raise UserError(
            f"{name}: its outputs are probabilities (they sum to 1), but logits are "
            "needed; remove its softmax"
        )


def with_features(model: keras.Model, layers: Sequence[str], role: str) -> keras.Model:
    """Add outputs of inner layers to the outputs of a model.

    Args:
        model: a model; its layers are shared, not copied.
        layers: names of layers; without any, the model itself is returned.
        role: `student` or `teacher`, for the error.

    Returns:
        A model whose outputs are the first one of `model`, then one per layer.

    Raises:
        UserError: for a layer that does not exist.
    """
    if not layers:
        return model
    names = [layer.name for layer in model.layers]
    for name in layers:
        if name not in names:
            raise UserError(
                f'distill.hints: the {role} has no layer "{name}"'
                f"{did_you_mean(name, names)} (there are: {', '.join(names)})"
            )
    features = [model.get_layer(name).output for name in layers]
    return keras.Model(model.inputs, [model.outputs[0], *features])


def _constant(x: tf.Tensor) -> tf.Tensor:
    return tf.stop_gradient(tf.cast(x, tf.float32))


def _predict(model: keras.Model, split: Split, spec: TaskSpec) -> tf.Tensor:
    predict = tf.function(lambda x: keras.tree.flatten(model(x, training=False))[0])
    starts = range(0, len(split), BATCH_SIZE)
    parts = [predict(spec.to_input(split.x[n : n + BATCH_SIZE])) for n in starts]
    return tf.cast(tf.concat(parts, axis=0), tf.float32)
