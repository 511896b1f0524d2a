"""A student that is trained beside its teacher."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from pipeline.distill.losses import hinton


class Distilled(keras.Model):
    """Computes as the student does; its training loss also imitates the teacher.

    Validation is the plain loss on the true classes. The teacher runs in
    inference mode and is hidden from Keras, so none of its weights can change.

    Args:
        student, teacher: models with logits of the same classes.
        weight: of the imitation, 0 .. 1; the true classes get the rest.
    """

    def __init__(
        self,
        student: keras.Model,
        teacher: keras.Model,
        weight: float,
        temperature: float,
    ):
        super().__init__(name="distilled")
        self.student = student
        self.teach = lambda x: tf.stop_gradient(teacher(x, training=False))
        self.weight = weight
        self.temperature = temperature

    def call(self, x: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The student's logits."""
        return self.student(x, training=training)

    def compute_loss(
        self,
        x: Any = None,
        y: Any = None,
        y_pred: Any = None,
        sample_weight: Any = None,
        training: bool = True,
    ) -> tf.Tensor:
        """The mean of both losses over the batch, plus the regularisers."""
        if not training:
            return super().compute_loss(x, y, y_pred, sample_weight, training)
        true = _cross_entropy(y, y_pred)
        imitation = hinton(y_pred, self.teach(x), self.temperature)
        mixed = (1 - self.weight) * true + self.weight * imitation
        mixed = mixed if sample_weight is None else mixed * sample_weight
        return tf.reduce_mean(mixed) + sum(self.losses)


def _cross_entropy(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    """One loss per example; `y` is class numbers, or probabilities after mixing."""
    if len(y.shape) == 2 and y.shape[1] == logits.shape[1]:
        return keras.losses.categorical_crossentropy(y, logits, from_logits=True)
    return keras.losses.sparse_categorical_crossentropy(y, logits, from_logits=True)
