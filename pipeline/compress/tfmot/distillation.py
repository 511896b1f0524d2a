"""Fine-tuning a student beside its teacher, in tf_keras."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import tensorflow as tf
import tf_keras

from pipeline.distill.losses import hinton
from pipeline.training.losses import Loss

from pipeline.tasks.training import per_example


@dataclass(frozen=True)
class Teacher:
    """Whom a model imitates while it is fine-tuned, and how much.

    Args:
        answers: model input -> outputs, `(batch, ...)`.
        weight: of the imitation, 0 .. 1; the true answers get the rest.
        temperature: softens both outputs of a classification.
        loss: of outputs that are no logits, against the teacher's.
    """

    answers: Callable[[tf.Tensor], tf.Tensor]
    weight: float
    temperature: float
    loss: Loss | None = None

    def apart(self, outputs: tf.Tensor, target: tf.Tensor) -> tf.Tensor:
        """How far outputs are from the teacher's, one number an example."""
        if self.loss:
            return per_example(self.loss(target, outputs))
        return hinton(outputs, target, self.temperature)


def imitate(model: tf_keras.Model, teacher: Teacher) -> None:
    """From now on `fit` also trains `model` to answer as the teacher does.

    Only the training step changes; validation is the plain loss.
    """

    def train_step(data: Any) -> dict[str, Any]:
        x, y, weights = tf_keras.utils.unpack_x_y_sample_weight(data)
        target = tf.stop_gradient(teacher.answers(x))
        with tf.GradientTape() as tape:
            outputs = model(x, training=True)
            true = model.compute_loss(x, y, outputs, weights)
            each = teacher.apart(outputs, target)
            each = each if weights is None else each * tf.cast(weights, each.dtype)
            told = tf.reduce_mean(each) + sum(model.losses)
            loss = (1 - teacher.weight) * true + teacher.weight * told
        model.optimizer.minimize(loss, model.trainable_variables, tape=tape)
        return model.compute_metrics(x, y, outputs, weights)

    model.train_step = train_step
