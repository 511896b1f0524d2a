"""Averages of the weights of a model whose Keras runs on JAX.

In: weights after each step or epoch. Out: averaged weights, as
`pipeline.training.weight_averaging` computes them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from keras import ops

from pipeline.training.batches import BatchSource
from pipeline.training.hosts.mesh import Mesh, jax_module, on_host, place_of
from pipeline.training.params import FitSettings
from pipeline.training.weight_averaging import (
    STATISTICS_BATCHES,
    WeightAverages,
    moving_statistics,
    trained_norms,
)


class HostAverages(WeightAverages):
    """The averages; every process has all of them.

    Args:
        model: a model on JAX.
        settings: `ema_momentum` or `swa`.
        mesh: the devices, for batch statistics.
    """

    def __init__(self, model: keras.Model, settings: FitSettings, mesh: Mesh):
        super().__init__(model, settings)
        self.mesh = mesh

    @property
    def moving(self) -> list[np.ndarray]:
        """The averages that each step moves; empty without `ema_momentum`."""
        return [] if self.momentum is None else [mean.numpy() for mean in self.means]

    def moved(self, means: list[Any], weights: list[Any], steps: Any) -> list[Any]:
        """Move averages towards the weights; part of a jitted step.

        Args:
            means: `moving`, as arrays of JAX.
            weights: weights of the model, in the order of `model.weights`.
            steps: optimizer steps so far, an integer scalar.
        """
        if self.momentum is None:
            return means
        count = ops.cast(steps, "float32")
        rate = 1 - ops.minimum(self.momentum, (1 + count) / (10 + count))
        return [m - ops.cast(rate, m.dtype) * (m - w) for m, w in zip(means, weights)]

    def keep(self, means: list[np.ndarray]) -> None:
        """Store the averages after the steps of an epoch."""
        for mean, value in zip(self.means, means):
            mean.assign(value)

    def _measure(self, source: BatchSource, epoch: int) -> None:
        """Set batch statistics to their mean over training batches of all hosts."""
        norms = trained_norms(self.model)
        if not norms:
            return
        variables = moving_statistics(norms)
        rates = [1 - norm.momentum for norm in norms for _ in (0, 1)]
        batches = list(self._statistics(source, epoch, variables))
        for variable, rate, *values in zip(variables, rates, *batches):
            variable.assign(sum(value / rate for value in values) / len(batches))

    def _statistics(
        self, source: BatchSource, epoch: int, variables: Sequence[keras.Variable]
    ) -> Any:
        """Yield what one step of a moving mean, starting at 0, makes of each batch."""
        model, mesh = self.model, self.mesh
        others = model.non_trainable_variables
        places = [place_of(variable, others) for variable in variables]

        def of_batch(trained: list[Any], rest: list[Any], x: Any) -> list[Any]:
            for place in places:
                rest[place] = ops.zeros_like(rest[place])
            return model.stateless_call(trained, rest, x, training=True)[1]

        step = jax_module().jit(of_batch, out_shardings=mesh.replicated)
        trained = mesh.replicate([v.value for v in model.trainable_variables])
        rest = mesh.replicate([v.value for v in others])
        number = tf.constant(epoch, tf.int64)
        order = source.order(number)[:STATISTICS_BATCHES]
        for positions in order[:, mesh.rows(source.size)]:
            x = source.batch(number, positions).x
            rest = step(trained, rest, mesh.divide(np.asarray(x)))
            yield [on_host(rest[place]) for place in places]
