"""Averages of the weights: they are often better than the last ones.

`ema` is a moving average over steps (Polyak, Juditsky, 1992), slow only after a few
steps; `swa` the mean over the ends of epochs (Izmailov et al., Averaging Weights
Leads to Wider Optima, 2018), whose batch statistics are measured anew.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf

from pipeline.fit.batches import Feed
from pipeline.fit.params import FitSettings

MEASURED = 64  # batches whose statistics the mean of the weights gets, at most

Arrays = list[np.ndarray]


class Averages:
    """The averages that the settings ask for, of all weights of a model.

    Args:
        model: its weights are followed; `ema` and `swa` at once are refused before.
    """

    def __init__(self, model: keras.Model, settings: FitSettings):
        self.model, self.ema, self.swa = model, settings.ema, settings.swa
        self.first = round((settings.swa or 0) * settings.epochs)
        active = self.ema is not None or self.swa is not None
        self.mean = [tf.Variable(w.value) for w in model.weights] if active else []
        self.taken = 0

    def follow(self, steps: tf.Tensor) -> None:
        """After each step, in its graph: move towards the weights."""
        if self.ema is None:
            return
        count = tf.cast(steps, tf.float32)
        part = 1 - tf.minimum(self.ema, (1 + count) / (10 + count))
        for mean, weight in zip(self.mean, self.model.weights):
            mean.assign_sub(tf.cast(part, mean.dtype) * (mean - weight.value))

    def end_of_epoch(self, epoch: int) -> None:
        """After epoch `epoch`, counted from 0: take its weights into the mean."""
        if self.swa is None or epoch < self.first:
            return
        self.taken += 1
        for mean, weight in zip(self.mean, self.model.weights):
            mean.assign_add((weight.value - mean) / self.taken)

    @contextmanager
    def in_place(self, feed: Feed, epoch: int) -> Iterator[None]:
        """The model with its averaged weights, and its own ones back afterwards."""
        if not self.mean or (self.swa is not None and not self.taken):
            yield
            return
        own = self.model.get_weights()
        self.model.set_weights([mean.numpy() for mean in self.mean])
        if self.swa is not None:
            measure_statistics(self.model, feed, epoch)
        yield
        self.model.set_weights(own)

    def state(self) -> Arrays:
        """What a checkpoint holds."""
        return [np.int64(self.taken), *(mean.numpy() for mean in self.mean)]

    def restore(self, state: Arrays) -> None:
        """Go on from a checkpoint."""
        self.taken = int(state[0])
        for mean, value in zip(self.mean, state[1:]):
            mean.assign(value)


def measure_statistics(model: keras.Model, feed: Feed, epoch: int) -> None:
    """Give batch normalizations the mean statistics of batches as in training."""
    norms = [
        layer
        for layer in model._flatten_layers(include_self=False)
        if isinstance(layer, keras.layers.BatchNormalization) and layer.trainable
    ]
    if norms:
        measured = _statistics(model, norms, feed, tf.constant(epoch, tf.int64))
        for variable, value in zip(_moving(norms), measured):
            variable.assign(value)


def _moving(norms: list[keras.layers.BatchNormalization]) -> list[keras.Variable]:
    return [v for norm in norms for v in (norm.moving_mean, norm.moving_variance)]


def _statistics(
    model: keras.Model, norms: list, feed: Feed, epoch: tf.Tensor
) -> list[tf.Tensor]:
    """From 0, one step of a moving mean is `1 - momentum` of what is measured."""
    order = feed.order(epoch)[:MEASURED]
    shares = [1 - norm.momentum for norm in norms for _ in (0, 1)]

    @tf.function(autograph=False)
    def one(at: tf.Tensor) -> list[tf.Tensor]:
        for variable in _moving(norms):
            variable.assign(tf.zeros_like(variable.value))
        model(feed.batch(epoch, at).x, training=True)
        return [v.value / share for v, share in zip(_moving(norms), shares)]

    found = [one(at) for at in order]
    return [tf.add_n(list(parts)) / len(found) for parts in zip(*found)]
