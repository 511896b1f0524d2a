"""The training objective of a student: label loss and distillation loss.

In: a student and its teachers. Out: an objective of `pipeline.training.objective`.
Teachers run in inference mode and are not trained; the validation loss is that of the
student alone, on the labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.distill import losses
from pipeline.distill.params import DistillParams, Hint
from pipeline.distill.teacher import TeacherEnsemble, with_features
from pipeline.tasks.relation import relation
from pipeline.tasks.training import per_example
from pipeline.training.batches import Batch
from pipeline.training.losses import Loss
from pipeline.training.objective import as_float


class DistillationObjective:
    """A weighted sum of label loss and distillation loss, plus losses on features.

    Args:
        student: the model that is trained; hints name its layers.
        ensemble: the teachers.
        params: section `distill`.
        label_loss: `(targets, outputs)` -> loss per example.
        seed: seed of the projectors' initial weights.
        classes: True if outputs are logits of classes; otherwise the distillation loss
            is `label_loss` with the teacher's outputs as targets. Default True.
        output_loss: `(outputs, teacher's outputs)` -> loss per example, in the place of
            either; default None.
    """

    def __init__(
        self,
        student: keras.Model,
        ensemble: TeacherEnsemble,
        params: DistillParams,
        label_loss: Loss,
        seed: int,
        classes: bool = True,
        output_loss: Loss | None = None,
    ):
        self.ensemble, self.params, self.label_loss = ensemble, params, label_loss
        self.classes, self.output_loss = classes, output_loss
        layers = [hint.student for hint in params.hints]
        self.student = with_features(student, layers, "student")
        first = ensemble.models[0]
        self.hints = [
            FeatureHint(hint, student, first, derive_seed(seed, "guide", number))
            for number, hint in enumerate(params.hints)
        ]
        self.variables: Sequence[keras.Variable] = [
            *(variable for hint in self.hints for variable in hint.variables),
            *getattr(label_loss, "variables", ()),
        ]

    def __call__(self, model: keras.Model, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute losses, `(batch,)` or per pixel, and the outputs in training mode."""
        teacher_outputs, teacher_features = self.ensemble(batch)
        results = keras.tree.flatten(self.student(batch.x, training=True))
        outputs, *features = map(as_float, results)
        params = self.params
        weight = interpolate(
            params.distillation_weight, params.distillation_weight_end, batch.progress
        )
        label_loss = self.label_loss(batch.y, outputs)
        distilled = self._distillation_loss(outputs, teacher_outputs, batch)
        if len(label_loss.shape) != len(distilled.shape):
            label_loss, distilled = per_example(label_loss), per_example(distilled)
        loss = (1 - weight) * label_loss + weight * distilled
        loss = per_example(loss) if self.hints else loss
        for hint, own, reference in zip(self.hints, features, teacher_features):
            loss += hint(own, reference)
        return loss, outputs

    def _distillation_loss(
        self, outputs: tf.Tensor, teacher_outputs: list[tf.Tensor], batch: Batch
    ) -> tf.Tensor:
        loss = self._loss_of_logits if self.classes else self._loss_of_numbers
        if self.output_loss:
            loss = self._loss_of_vectors
        per_teacher = [loss(outputs, teacher, batch) for teacher in teacher_outputs]
        weighted = zip(self.ensemble.weights, per_teacher, strict=True)
        return tf.add_n([weight * value for weight, value in weighted])

    def _loss_of_logits(
        self, logits: tf.Tensor, teacher: tf.Tensor, batch: Batch
    ) -> tf.Tensor:
        params = self.params
        temperature = interpolate(
            params.temperature, params.temperature_end, batch.progress
        )
        if params.distillation_loss == "dkd":
            return losses.dkd(logits, teacher, temperature, _one_hot(batch.y, logits))
        standardized = params.distillation_loss == "standardized_kd"
        loss = losses.standardized_kd if standardized else losses.kd
        return loss(logits, teacher, temperature)

    def _loss_of_numbers(
        self, outputs: tf.Tensor, teacher: tf.Tensor, batch: Batch
    ) -> tf.Tensor:
        """With the squared error, as if targets were a weighted mean of both."""
        return per_example(self.label_loss(teacher, outputs))

    def _loss_of_vectors(
        self, outputs: tf.Tensor, teacher: tf.Tensor, batch: Batch
    ) -> tf.Tensor:
        assert self.output_loss is not None
        return self.output_loss(outputs, teacher)


class FeatureHint:
    """A loss on features of one layer; `fitnets` has a learned projector.

    The projector is a linear map of channels (Romero et al., 2015), trained with the
    student and discarded afterwards. Maps of another size are averaged to the
    student's.

    Args:
        hint: kind, layers and weight.
        student, teacher: models with these layers.
        seed: seed of the projector's initial weights.

    Raises:
        UserError: for `attention` to a layer without spatial or temporal axes.
    """

    def __init__(
        self, hint: Hint, student: keras.Model, teacher: keras.Model, seed: int
    ):
        self.hint = hint
        self.projector: Any = None
        self.variables: Sequence[keras.Variable] = ()
        own = student.get_layer(hint.student).output.shape
        reference = teacher.get_layer(hint.teacher).output.shape
        if hint.kind == "attention" and min(len(own), len(reference)) < 3:
            raise UserError(
                f'distill.hints: attention needs positions, but layer "{hint.student}" '
                f'returns {own[1:]} and "{hint.teacher}" {reference[1:]}; choose '
                "earlier layers, or kind: fitnets"
            )
        if hint.kind == "fitnets":
            initializer = keras.initializers.GlorotUniform(seed)
            dense = keras.layers.Dense(reference[-1], kernel_initializer=initializer)
            dense.build(own)
            self.projector, self.variables = dense, dense.trainable_variables

    def __call__(self, student: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
        """Compute the weighted loss.

        Args:
            student: features of the student, `(batch, ..., channels)`.
            teacher: features of the teacher, `(batch, ..., channels)`.

        Returns:
            Losses, `(batch,)`, times the weight of the hint.
        """
        if self.hint.kind == "relation":
            return self.hint.weight * relation(student, teacher)
        teacher = _resize_like(teacher, student)
        if self.hint.kind == "attention":
            return self.hint.weight * losses.attention(student, teacher)
        return self.hint.weight * losses.fitnets(self.projector(student), teacher)


def interpolate(start: float, end: float | None, progress: Any) -> Any:
    """Interpolate linearly between two values of a setting.

    Args:
        start: value at progress 0.
        end: value at progress 1; None for a constant.
        progress: fraction of the fit that is over, 0 to 1; a number or a tensor.
    """
    return start if end is None else start + (end - start) * progress


def _resize_like(features: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
    if len(target.shape) != 4 or target.shape[1:3] == features.shape[1:3]:
        return features
    return tf.image.resize(features, target.shape[1:3], "area")


def _one_hot(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    if len(y.shape) == len(logits.shape):
        return y
    return tf.one_hot(tf.cast(y, tf.int32), logits.shape[-1])
