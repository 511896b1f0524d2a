"""The steps of an epoch on JAX, and validation, on all hosts at once.

In: the setup of a fit, whose batches TensorFlow prepares on each host's processor. Out:
the training and validation columns of one epoch after another. Every process prepares
its rows of each batch and ends each epoch with the same weights.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import tensorflow as tf
from keras import ops

from pipeline.training.batches import to_input
from pipeline.training.epoch import Validator
from pipeline.training.hosts.averages import HostAverages
from pipeline.training.hosts.losses import mean_loss
from pipeline.training.hosts.mesh import Mesh, jax_module, on_host, place_of
from pipeline.training.params import FitSettings
from pipeline.training.phase import PhaseTrainer
from pipeline.training.throughput import FIRST

AHEAD = 4  # batches that are prepared before they are needed

# Trainable variables, other variables, those of the optimizer, averages.
State = tuple[list[Any], list[Any], list[Any], list[Any]]


class HostTrainer(PhaseTrainer):
    """A `PhaseTrainer` whose steps JAX runs.

    Args:
        mesh: the devices of all hosts.
        *args: those of `PhaseTrainer`.
    """

    averages: HostAverages

    def __init__(self, mesh: Mesh, *args: Any):
        self.mesh = mesh
        super().__init__(*args)

    def _new_averages(self, settings: FitSettings) -> HostAverages:
        return HostAverages(self.setup.model, settings, self.mesh)

    def _new_trainer(self, total: int) -> Any:
        self.optimizer.build(self.setup.model.trainable_variables)
        same = self.mesh.replicated
        shardings = ((same, same, same, same), same, self.mesh.divided)
        return jax_module().jit(self._step, out_shardings=shardings)

    def _step(
        self, state: State, x: Any, y: Any, weights: Any | None, rate: Any
    ) -> tuple[State, Any, Any]:
        """Compute one update: the new state, the loss, and the outputs."""
        trained, others, optimizer, means = state
        model, loss_of = self.setup.model, self.setup.objective

        def loss(trained: list[Any]) -> tuple[Any, tuple[Any, list[Any]]]:
            outputs, rest, extra = model.stateless_call(
                trained, others, x, training=True, return_losses=True
            )
            outputs = ops.cast(outputs, "float32")
            value = mean_loss(loss_of(y, outputs), weights) + sum(extra)
            return value, (outputs, rest)

        gradient = jax_module().value_and_grad(loss, has_aux=True)
        (value, (outputs, rest)), gradients = gradient(trained)
        optimizer = list(optimizer)
        optimizer[place_of(self.optimizer._learning_rate, self.optimizer.variables)] = (
            rate
        )
        trained, optimizer = self.optimizer.stateless_apply(
            optimizer, gradients, trained
        )
        steps = optimizer[
            place_of(self.optimizer._iterations, self.optimizer.variables)
        ]
        steps = steps // self.setup.settings.gradient_accumulation_steps
        means = self.averages.moved(means, self._weights(trained, rest), steps)
        return (list(trained), list(rest), list(optimizer), means), value, outputs

    def _weights(self, trained: Sequence[Any], others: Sequence[Any]) -> list[Any]:
        """Return the values of `model.weights` among those of its variables."""
        model = self.setup.model
        variables = [*model.trainable_variables, *model.non_trainable_variables]
        values = [*trained, *others]
        return [values[place_of(weight, variables)] for weight in model.weights]

    def _run(self, epoch: int, rates: tf.Tensor) -> Sequence[Any]:
        state, factors = self._state(), np.asarray(rates, np.float32)
        losses, correct, waiting = [], np.float32(0), None
        started, first = time.monotonic(), FIRST not in self.meter.report
        for number, (x, y, weights) in enumerate(self._batches(epoch)):
            divided = [
                None if a is None else self.mesh.divide(a) for a in (x, y, weights)
            ]
            state, loss, outputs = self.trainer(state, *divided, factors[number])
            losses.append(loss)
            correct += self._metric(waiting)  # of the last step, while this one runs
            waiting = (y, outputs)
            if number == 0 and first:
                on_host(loss)
                self.meter.record(started, 1)
                started = time.monotonic()
        correct += self._metric(waiting)
        self._check(np.array([on_host(loss) for loss in losses]), epoch, rates)
        if len(losses) > first:
            self.meter.record(started, len(losses) - first)
        self._keep(state)
        total = sum((on_host(loss) for loss in losses), np.float32(0))
        return float(total), self.mesh.mean(float(correct))

    def _check(self, losses: np.ndarray, epoch: int, rates: tf.Tensor) -> None:
        """Raise for the first loss that is not finite."""
        bad = np.flatnonzero(~np.isfinite(losses))
        if len(bad):
            step = int(bad[0])
            raise self._diverged(float(losses[step]), epoch, step + 1, rates)

    def _metric(self, waiting: tuple[np.ndarray, Any] | None) -> np.float32:
        """Return the metric of this host's rows of a batch."""
        if waiting is None:
            return np.float32(0)
        y, outputs = waiting[0], self.mesh.own_rows(waiting[1])
        of_batch = self.setup.metric.of_batch
        return np.float32(of_batch(tf.constant(y), tf.constant(outputs)))

    def _batches(self, epoch: int) -> Iterator[tuple[Any, Any, Any]]:
        """Yield this host's rows of each batch: inputs, targets, weights or None."""
        source, number = self.setup.source, tf.constant(epoch, tf.int64)
        order = source.order(number)[:, self.mesh.rows(source.size)]

        @tf.autograph.experimental.do_not_convert
        def load(positions: tf.Tensor) -> tuple[tf.Tensor, ...]:
            batch = source.batch(number, positions)
            weights = () if batch.weights is None else (batch.weights,)
            return (batch.x, batch.y, *weights)

        batches = tf.data.Dataset.from_tensor_slices(order).map(load).prefetch(AHEAD)
        for x, y, *weights in batches.as_numpy_iterator():
            yield x, y, weights[0] if weights else None

    def _state(self) -> State:
        """Return the values of all variables, on all devices."""
        model, replicate = self.setup.model, self.mesh.replicate
        return (
            replicate([v.value for v in model.trainable_variables]),
            replicate([v.value for v in model.non_trainable_variables]),
            replicate([v.value for v in self.optimizer.variables]),
            replicate(self.averages.moving),
        )

    def _keep(self, state: State) -> None:
        """Store the values in the variables again, as local arrays."""
        model = self.setup.model
        groups = (
            model.trainable_variables,
            model.non_trainable_variables,
            self.optimizer.variables,
        )
        for variables, values in zip(groups, state):
            for variable, value in zip(variables, values, strict=True):
                variable.assign(on_host(value))
        self.averages.keep([on_host(mean) for mean in state[3]])


class HostValidator(Validator):
    """A `Validator` whose outputs JAX computes, each host's rows of every batch.

    Args:
        mesh: the devices of all hosts.
        *args: those of `Validator`.
    """

    def __init__(self, mesh: Mesh, *args: Any):
        super().__init__(*args)
        self.mesh = mesh
        jit = jax_module().jit
        self.outputs = jit(self._outputs, out_shardings=mesh.replicated)
        self.state: tuple[list[Any], list[Any]] = ([], [])

    def __call__(self) -> dict[str, float]:
        """Return `val_loss`, the mean over the examples, and `val_<metric>`."""
        model, replicate = self.model, self.mesh.replicate
        self.state = (
            replicate([v.value for v in model.trainable_variables]),
            replicate([v.value for v in model.non_trainable_variables]),
        )
        return super().__call__()

    def _outputs(self, trained: list[Any], others: list[Any], x: Any) -> Any:
        return self.model.stateless_call(trained, others, x, training=False)[0]

    def _batch(self, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        count = len(positions)
        x = np.asarray(to_input(self.fetch(positions), self.spec))
        missing = -count % self.mesh.devices
        padded = np.concatenate([x, np.repeat(x[-1:], missing, axis=0)])
        rows = padded[self.mesh.rows(len(padded))]
        outputs = on_host(self.outputs(*self.state, self.mesh.divide(rows)))
        return self._compare(positions, tf.constant(x), tf.constant(outputs[:count]))
