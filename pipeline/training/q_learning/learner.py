"""Updates of action values from batches of transitions, as one graph.

In: batches of transitions. Out: a model whose outputs approach the sum of discounted
rewards, times 1 - discount: a mean of the rewards, so that outputs have their size. The
model chooses the next action, a copy of its earlier weights values it, so that errors
of one are not the other's (van Hasselt, Guez, Silver, 2016).
"""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np
import tensorflow as tf

from pipeline.core.errors import UserError
from pipeline.training.checkpoint import Arrays
from pipeline.training.objective import as_float
from pipeline.training.optimizers import make_optimizer
from pipeline.training.params import FitSettings

OfError = Callable[[tf.Tensor], tf.Tensor]


class Learner:
    """A model, a copy of its weights of some updates ago, their average, an optimizer.

    The policy of one update is often much worse than that of the next; the moving
    average of the weights is steadier (Polyak, Juditsky, 1992), and is published.

    Args:
        model: changed in place.
        settings: optimizer, loss, and `q_learning`.
        count: batches per update call.

    Raises:
        UserError: if the loss is not one of errors.
    """

    def __init__(self, model: keras.Model, settings: FitSettings, count: int):
        self.model, self.options, self.count = model, settings.q_learning, count
        self.of_error = error_loss(settings)
        self.optimizer = make_optimizer(settings, settings.learning_rate)
        self.weights = list(model.trainable_variables)
        self.optimizer.build(self.weights)
        self.earlier = [
            [tf.Variable(v.value, trainable=False) for v in variables]
            for variables in (model.trainable_variables, model.non_trainable_variables)
        ]
        self.average = [tf.Variable(w.value, trainable=False) for w in model.weights]

    def update(self, batches: tuple[np.ndarray, ...], rate: float) -> float:
        """Run one optimizer step per batch.

        Args:
            batches: states as model inputs, `(count, batch, size)`; actions, rewards,
                and 1 where nothing follows, `(count, batch)`; the next states.
            rate: learning rate.

        Returns:
            Mean loss of the batches.
        """
        tensors = tuple(tf.constant(array) for array in batches)
        return float(self._steps(tensors, tf.constant(rate, tf.float32)))

    @tf.function(autograph=False, reduce_retracing=True)
    def _steps(self, batches: tuple[tf.Tensor, ...], rate: tf.Tensor) -> tf.Tensor:
        self.optimizer.learning_rate = rate

        def body(k: tf.Tensor, total: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
            return k + 1, total + self._step(*(array[k] for array in batches))

        start = (tf.constant(0), tf.constant(0.0))
        _, total = tf.while_loop(
            lambda k, total: k < self.count, body, start, parallel_iterations=1
        )
        return total / self.count

    def _step(
        self,
        x: tf.Tensor,
        actions: tf.Tensor,
        rewards: tf.Tensor,
        ended: tf.Tensor,
        following: tf.Tensor,
    ) -> tf.Tensor:
        discount = self.options.discount
        goal = (1 - discount) * rewards
        goal += discount * (1 - ended) * self._value(following)
        with tf.GradientTape() as tape:
            values = as_float(self.model(x, training=True))
            taken = tf.gather(values, actions, batch_dims=1)
            loss = tf.reduce_mean(self.of_error(goal - taken)) + sum(self.model.losses)
        gradients = tape.gradient(loss, [weight.value for weight in self.weights])
        self.optimizer.apply(gradients, self.weights)
        self._copy()
        for average, weight in zip(self.average, self.model.weights):
            average.assign_add((1 - self.options.average) * (weight.value - average))
        return loss

    def _value(self, following: tf.Tensor) -> tf.Tensor:
        """Value of the next states, of the action that the model would take."""
        best = tf.argmax(self.model(following, training=False), axis=-1)
        earlier, _ = self.model.stateless_call(*self.earlier, following, training=False)
        return tf.gather(as_float(earlier), best, batch_dims=1)

    def _copy(self) -> None:
        """Take over the weights every `target_period` updates."""
        due = self.optimizer.iterations % self.options.target_period == 0
        pairs = zip(
            tf.nest.flatten(self.earlier),
            [*self.model.trainable_variables, *self.model.non_trainable_variables],
        )
        for copy, weight in pairs:
            copy.assign(tf.where(due, weight.value, copy))

    def state(self) -> dict[str, Arrays]:
        """Return what a checkpoint stores beside the weights."""
        return {
            "optimizer": [variable.numpy() for variable in self.optimizer.variables],
            "earlier": [copy.numpy() for copy in tf.nest.flatten(self.earlier)],
            "average": self.averaged(),
        }

    def averaged(self) -> Arrays:
        """Return the averages of the model's weights, in their order."""
        return [average.numpy() for average in self.average]

    def restore(self, groups: dict[str, Arrays]) -> None:
        """Restore the groups of `state`."""
        for variable, value in zip(self.optimizer.variables, groups["optimizer"]):
            variable.assign(value)
        for copy, value in zip(tf.nest.flatten(self.earlier), groups["earlier"]):
            copy.assign(value)
        for average, value in zip(self.average, groups["average"]):
            average.assign(value)


def error_loss(settings: FitSettings) -> OfError:
    """Return the loss of an error of an action value; default: Huber's.

    Raises:
        UserError: for a loss of distributions.
    """
    name = settings.loss or "huber"
    if name not in ERRORS:
        raise UserError(
            f"loss {name} compares with a teacher, and this fit learns from rewards; "
            f"loss can be {', '.join(ERRORS)}"
        )
    return ERRORS[name]


def _huber(error: tf.Tensor) -> tf.Tensor:
    size = tf.abs(error)
    inside = tf.minimum(size, 1.0)
    return inside * (size - inside / 2)


ERRORS: dict[str, OfError] = {"huber": _huber, "mse": tf.square}


def centered(model: keras.Model) -> None:
    """Subtract the mean of the outputs, in the weights of a linear last layer.

    Args:
        model: changed in place; one that ends in another layer is left unchanged.
    """
    last = model.layers[-1]
    linear = isinstance(last, keras.layers.Dense) and last.activation in (
        None,
        keras.activations.linear,
    )
    if linear:
        last.set_weights(
            [w - w.mean(axis=-1, keepdims=True) for w in last.get_weights()]
        )
