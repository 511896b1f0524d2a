"""Training objectives: per-example losses and logits of one batch.

In: a model and a batch. Out: losses, `(batch,)`, and the logits of the model. An
objective may use more than targets: distillation looks up the teacher's outputs by the
positions of the examples. It may have trainable variables, such as a projection.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf

from pipeline.tasks.training import per_example
from pipeline.training.batches import Batch
from pipeline.training.losses import Loss


class Objective(Protocol):
    """A training loss of a model.

    Args:
        variables: trained together with those of the model, but not part of it.
    """

    variables: Sequence[keras.Variable]

    def __call__(self, model: keras.Model, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute losses, `(batch,)`, and logits of the model in training mode."""


class SupervisedObjective:
    """The loss on the targets.

    Args:
        loss: `(targets, logits)` -> loss per example; it may have `variables`.
    """

    def __init__(self, loss: Loss):
        self.loss = loss
        self.variables: Sequence[keras.Variable] = getattr(loss, "variables", ())

    def __call__(self, model: keras.Model, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute losses, `(batch,)`, and logits of the model in training mode."""
        logits = as_float(model(batch.x, training=True))
        return self.loss(batch.y, logits), logits


def as_float(logits: Any) -> tf.Tensor:
    """Cast to float32, whatever a model computes in: losses need the precision."""
    return tf.cast(logits, tf.float32)


def weighed_mean(losses: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
    """Average losses over a batch.

    Args:
        losses: `(batch, ...)`.
        weights: weight of each example, `(batch,)`, or of each pixel, in the shape of
            the losses; None if all are 1.
    """
    if weights is not None and len(weights.shape) == len(losses.shape):
        return tf.reduce_mean(losses * weights)
    losses = per_example(losses)
    if weights is None:
        return tf.reduce_mean(losses)
    return tf.reduce_mean(losses * per_example(weights))
