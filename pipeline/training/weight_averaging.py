"""Averages of the weights, which often generalize better than the last weights.

In: the weights after each step or epoch. Out: averaged weights for validation.
`ema_momentum` keeps a moving average over steps (Polyak, Juditsky, 1992) that follows
the weights quickly during the first steps. `swa` keeps the mean over the ends of epochs
(Izmailov et al., Averaging Weights Leads to Wider Optima and Better Generalization,
2018), for which batch statistics are measured again.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from pipeline.training.batches import BatchSource
from pipeline.training.params import FitSettings

STATISTICS_BATCHES = 64  # maximum number of batches whose statistics are measured

Arrays = list[np.ndarray]


class WeightAverages:
    """The average of all weights of a model that the settings ask for, if any.

    Args:
        model: the model whose weights are averaged.
        settings: `ema_momentum` or `swa`; they are mutually exclusive.
    """

    def __init__(self, model: keras.Model, settings: FitSettings):
        self.model = model
        self.momentum, self.swa = settings.ema_momentum, settings.swa
        self.first_epoch = round((settings.swa or 0) * settings.epochs)
        active = self.momentum is not None or self.swa is not None
        weights = model.weights if active else []
        self.means = [tf.Variable(_tensor(weight)) for weight in weights]
        self.count = 0

    def after_step(self, steps: tf.Tensor) -> None:
        """Move the average towards the weights; part of the graph of a step.

        Args:
            steps: optimizer steps so far, an integer scalar.
        """
        if self.momentum is None:
            return
        count = tf.cast(steps, tf.float32)
        rate = 1 - tf.minimum(self.momentum, (1 + count) / (10 + count))
        for mean, weight in zip(self.means, self.model.weights):
            mean.assign_sub(tf.cast(rate, mean.dtype) * (mean - weight.value))

    def after_epoch(self, epoch: int) -> None:
        """Add the weights to the mean after epoch `epoch`, counted from 0."""
        if self.swa is None or epoch < self.first_epoch:
            return
        self.count += 1
        for mean, weight in zip(self.means, self.model.weights):
            mean.assign_add((_tensor(weight) - mean) / self.count)

    @contextmanager
    def applied(self, source: BatchSource, epoch: int) -> Iterator[None]:
        """Put the averaged weights into the model; restore its weights on exit.

        Args:
            source: batches for the statistics of batch normalization.
            epoch: number of the epoch, from 0.
        """
        if not self.means or (self.swa is not None and not self.count):
            yield
            return
        weights = self.model.get_weights()
        self.model.set_weights([mean.numpy() for mean in self.means])
        if self.swa is not None:
            self._measure(source, epoch)
        yield
        self.model.set_weights(weights)

    def _measure(self, source: BatchSource, epoch: int) -> None:
        measure_statistics(self.model, source, epoch)

    def state(self) -> Arrays:
        """Return the arrays that a checkpoint stores."""
        return [np.asarray(self.count, np.int64), *(m.numpy() for m in self.means)]

    def restore(self, state: Arrays) -> None:
        """Restore the arrays of `state` from a checkpoint."""
        self.count = int(state[0])
        for mean, value in zip(self.means, state[1:]):
            mean.assign(value)


def measure_statistics(model: keras.Model, source: BatchSource, epoch: int) -> None:
    """Set batch normalization statistics to their mean over training batches.

    Args:
        model: changed in place.
        source: batches of the training split.
        epoch: number of the epoch whose batches are used, from 0.
    """
    norms = trained_norms(model)
    if norms:
        means = _statistics(model, norms, source, tf.constant(epoch, tf.int64))
        for variable, value in zip(moving_statistics(norms), means):
            variable.assign(value)


def trained_norms(model: keras.Model) -> list[keras.layers.BatchNormalization]:
    """Return the batch normalizations whose statistics follow the batches."""
    return [
        layer
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]


def moving_statistics(
    norms: list[keras.layers.BatchNormalization],
) -> list[keras.Variable]:
    """Return moving mean and moving variance of each layer, in turns."""
    return [v for norm in norms for v in (norm.moving_mean, norm.moving_variance)]


def _statistics(
    model: keras.Model, norms: list, source: BatchSource, epoch: tf.Tensor
) -> list[tf.Tensor]:
    """Starting at 0, one step of a moving mean yields `1 - momentum` of the mean."""
    order = source.order(epoch)[:STATISTICS_BATCHES]
    rates = [1 - norm.momentum for norm in norms for _ in (0, 1)]

    @tf.function(autograph=False)
    def of_batch(positions: tf.Tensor) -> list[tf.Tensor]:
        for variable in moving_statistics(norms):
            variable.assign(tf.zeros_like(variable.value))
        model(source.batch(epoch, positions).x, training=True)
        return [v.value / rate for v, rate in zip(moving_statistics(norms), rates)]

    batches = [of_batch(positions) for positions in order]
    return [tf.add_n(list(values)) / len(batches) for values in zip(*batches)]


def _tensor(weight: keras.Variable) -> tf.Tensor:
    """Return the value of a weight as a tensor, whatever the backend of Keras."""
    return tf.convert_to_tensor(weight.value)
