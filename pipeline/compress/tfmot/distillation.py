"""Fine-tune a tf_keras model with a distillation loss from a teacher."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tf_keras

from pipeline.distill.losses import kd
from pipeline.tasks.training import per_example
from pipeline.training.losses import Loss


@dataclass(frozen=True)
class DistillationTerm:
    """A distillation loss and its weight in the total loss.

    Args:
        teacher: model inputs `(batch, ...)` -> the teacher's outputs `(batch, ...)`.
        weight: weight of the distillation loss, 0 .. 1; the loss of the true targets
            has the weight `1 - weight`.
        temperature: softens the logits of student and teacher; classification only.
        loss: `(teacher outputs, student outputs)` -> loss per example, for outputs
            other than logits; None for the KL divergence of Hinton et al. (2015).
    """

    teacher: Callable[[tf.Tensor], tf.Tensor]
    weight: float
    temperature: float
    loss: Loss | None = None

    def per_example(self, outputs: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """Compute the distillation loss of each example.

        Args:
            outputs: outputs of the student, `(batch, ...)`.
            target: outputs of the teacher, `(batch, ...)`.

        Returns:
            float32 `(batch,)`.
        """
        if self.loss:
            return per_example(self.loss(target, outputs))
        return per_example(kd(outputs, target, self.temperature))


def add_distillation(model: tf_keras.Model, term: DistillationTerm) -> None:
    """Add a distillation loss to the training step of a model; validation is unchanged.

    Args:
        model: its `train_step` is replaced; compile it before `fit` as usual.
        term: the teacher and the weight of its loss.
    """

    def train_step(data: Any) -> dict[str, Any]:
        x, y, weights = tf_keras.utils.unpack_x_y_sample_weight(data)
        target = tf.stop_gradient(term.teacher(x))
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            true = model.compute_loss(x, y, outputs, weights)
            losses = term.per_example(outputs, target)
            losses = (
                losses if weights is None else losses * tf.cast(weights, losses.dtype)
            )
            distilled = tf.reduce_mean(losses) + sum(model.losses)
            loss = (1 - term.weight) * true + term.weight * distilled
        model.optimizer.minimize(loss, model.trainable_variables, tape=tape)
        return model.compute_metrics(x, y, outputs, weights)

    model.train_step = train_step
