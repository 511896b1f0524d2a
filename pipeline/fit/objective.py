"""What a step makes small: a loss for each example of a batch, and the logits.

An objective may look at more than answers: the teacher of `distill` does, by the
positions of the examples. It may bring variables of its own, such as a projector's.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import keras
import tensorflow as tf

from pipeline.fit.batches import Batch
from pipeline.fit.losses import Loss
from pipeline.tasks.training import per_example


class Objective(Protocol):
    """A training loss of a model.

    Args:
        variables: trained beside the model's own, and not part of it.
    """

    variables: Sequence[keras.Variable]

    def __call__(self, model: keras.Model, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Losses, `(batch,)`, and logits of the model in training mode."""


class Answers:
    """The loss on the true answers alone."""

    variables: Sequence[keras.Variable] = ()

    def __init__(self, loss: Loss):
        self.loss = loss

    def __call__(self, model: keras.Model, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Losses, `(batch,)`, and logits."""
        logits = as_float(model(batch.x, training=True))
        return self.loss(batch.y, logits), logits


def as_float(logits: Any) -> tf.Tensor:
    """float32, whatever a model computes in: losses need the digits."""
    return tf.cast(logits, tf.float32)


def weighed_mean(losses: tf.Tensor, weights: tf.Tensor | None) -> tf.Tensor:
    """The mean over a batch of losses with a weight each."""
    losses = per_example(losses)
    return tf.reduce_mean(losses if weights is None else losses * weights)
