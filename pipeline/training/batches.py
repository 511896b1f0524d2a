"""Training batches whose order and augmentation are a function of (seed, epoch).

In: a split and its augmentation policy. Out: batches of model inputs and targets. Any
epoch can be produced without those before it. `BatchSource` serves epochs that run
inside one graph, `training_batches` serves Keras's own `fit`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import TypeGuard

import numpy as np
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.core.determinism import derive_seed
from pipeline.data.artifact import Split
from pipeline.data.rows import Rows
from pipeline.data.shards import ShardRows
from pipeline.data.spec import TaskSpec
from pipeline.tasks.registry import task_of
from pipeline.tasks.targets import IGNORED
from pipeline.tasks.training import (
    inference_batch,
    learnable,
    soft_target,
    target_of,
    training_of,
)
from pipeline.training.gpu_memory import fits_on_device

MAX_STEPS_PER_EXECUTION = 64  # batches per call into TensorFlow, for Keras's own fit


def plan_steps(examples: int, batch_size: int) -> tuple[int, int]:
    """Plan one epoch of Keras's own `fit`.

    Keras runs whole calls only, so the number of steps is a multiple of the steps per
    call. At most a few batches of an epoch are left out, different ones in each epoch.

    Args:
        examples: size of the training split.
        batch_size: examples per batch.

    Returns:
        Steps per epoch, and steps per call.
    """
    available = max(1, examples // batch_size)
    per_call = available // ceil(available / MAX_STEPS_PER_EXECUTION)
    return available - available % per_call, per_call


@dataclass(frozen=True)
class Batch:
    """One batch, as a training objective sees it.

    Args:
        x: model inputs, `(batch, *input_shape)`.
        y: targets: class numbers `(batch,)` or probabilities `(batch, classes)`;
            numbers `(batch, 1)`; x itself for reconstruction.
        weights: weight of each example, `(batch,)`, or of each pixel of a target that
            is a map; None if all are 1.
        positions: positions in the training split, `(batch,)` int64.
        progress: fraction of the fit that is done, a scalar from 0 to 1.
        epoch: number of the epoch from 0, for objectives that draw.
    """

    x: tf.Tensor
    y: tf.Tensor
    weights: tf.Tensor | None
    positions: tf.Tensor
    progress: tf.Tensor | float = 0.0
    epoch: tf.Tensor | int = 0


class BatchSource:
    """The batches of any epoch, produced by stateless TensorFlow operations.

    No batch depends on an earlier draw, so batches can be made in any order, ahead of
    training, and in any process.

    Args:
        split: the training split.
        spec: signature of the data.
        size: examples per batch; limited to the size of the split.
        seed: seed of the order of the examples.
        policy: augmentation; a policy that mixes examples turns class numbers into
            probabilities. None does not augment.
    """

    def __init__(
        self,
        split: Split,
        spec: TaskSpec,
        size: int,
        seed: int,
        policy: Policy | None = None,
    ):
        self.split, self.spec, self.seed, self.policy = split, spec, seed, policy
        self.size = min(size, len(split))
        self.steps = max(1, len(split) // self.size)
        self.fetch, self.y = fetcher(split.x), tf.constant(split.y)

    def order(self, epoch: tf.Tensor, steps: int | None = None) -> tf.Tensor:
        """Return the positions of the epoch's examples, `(steps, size)` int64.

        Args:
            epoch: epoch number from 0, an int64 scalar.
            steps: batches to return; default all of the epoch.
        """
        steps = steps or self.steps
        order = _shuffled(len(self.split), self.seed, epoch)
        if per_class := training_of(self.spec).per_class:
            order = self._by_class(order, per_class, epoch)
        return tf.reshape(order[: steps * self.size], [steps, self.size])

    def _by_class(self, order: tf.Tensor, count: int, epoch: tf.Tensor) -> tf.Tensor:
        """Put `count` examples of a class next to each other, which are drawn anew."""
        by_class = tf.gather(order, tf.argsort(tf.gather(self.y, order), stable=True))
        whole = len(self.split) // count
        groups = tf.reshape(by_class[: whole * count], [whole, count])
        groups = tf.gather(groups, _shuffled(whole, self.seed, epoch))
        return tf.concat([tf.reshape(groups, [-1]), by_class[whole * count :]], 0)

    def batch(
        self,
        epoch: tf.Tensor,
        positions: tf.Tensor,
        progress: tf.Tensor | float = 0.0,
    ) -> Batch:
        """Return the examples at `positions`, augmented for the epoch.

        Args:
            epoch: epoch number from 0, an int64 scalar.
            positions: positions in the split, `(batch,)` int64.
            progress: fraction of the fit that is done; default 0.
        """
        if self.policy and self.policy.mixes:
            x, y = self.policy.mixed(self._soft, epoch, positions, len(self.split))
        else:
            x, y = self._inputs(positions), tf.gather(self.y, positions)
            x, y = self._augmented(x, y, epoch, positions)
        y = target_of(y, x, self.spec)
        return Batch(x, y, _weights(y, self.split), positions, progress, epoch)

    def _augmented(
        self, x: tf.Tensor, y: tf.Tensor, epoch: tf.Tensor, positions: tf.Tensor
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Augment a batch; targets that are maps or boxes move with their images."""
        if self.policy is None:
            return x, y
        if task_of(self.spec).has_boxes:
            return self.policy.with_boxes(x, y, epoch, positions)
        if task_of(self.spec).degrades:  # of two sizes, with the same draws
            moved = self.policy(tf.cast(y, tf.float32), epoch, positions)
            return self.policy(x, epoch, positions), moved
        if task_of(self.spec).dense:
            return self.policy.paired(x, y, epoch, positions, IGNORED)
        return self.policy(x, epoch, positions), y

    def _inputs(self, positions: tf.Tensor) -> tf.Tensor:
        return to_input(self.fetch(positions), self.spec)

    def _soft(self, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        y = tf.gather(self.y, positions)
        return self._inputs(positions), soft_target(y, self.spec)


def training_batches(
    split: Split,
    spec: TaskSpec,
    batch_size: int,
    epochs: range,
    seed: int,
    policy: Policy | None,
) -> tf.data.Dataset:
    """Return the batches of `BatchSource` as a data set for Keras's own `fit`.

    Args:
        split: the training split.
        spec: signature of the data.
        batch_size: examples per batch; limited to the size of the split.
        epochs: numbers of the epochs, from 0.
        seed: seed of the order of the examples.
        policy: augmentation, or None.

    Returns:
        Elements `(inputs, targets)`, targets as in `Batch`; the weight of each example
        comes third if the split has class weights.
    """
    source = BatchSource(split, spec, batch_size, seed, policy)
    steps, _ = plan_steps(len(split), source.size)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        batches = tf.data.Dataset.from_tensor_slices(source.order(epoch, steps))
        return batches.map(lambda rows: load(epoch, rows), tf.data.AUTOTUNE)

    def load(epoch: tf.Tensor, positions: tf.Tensor) -> tuple[tf.Tensor, ...]:
        batch = source.batch(epoch, tf.ensure_shape(positions, [source.size]))
        weights = () if batch.weights is None else (batch.weights,)
        return (batch.x, batch.y, *weights)

    numbers = tf.data.Dataset.range(epochs.start, epochs.stop)
    return numbers.flat_map(one_epoch).prefetch(tf.data.AUTOTUNE)


def validation_batches(
    split: Split, spec: TaskSpec, size: int = 512, soft: bool = False
) -> tf.data.Dataset:
    """Return the examples in order, without augmentation.

    Only the examples that the task learns from are returned. The batches are cached in
    memory unless the split stays in its file.

    Args:
        split: the validation split.
        spec: signature of the data.
        size: maximum number of examples per batch; default 512.
        soft: return classes as probabilities, as training has them with a policy that
            mixes examples.
    """
    fetch = fetcher(split.x)
    positions = tf.data.Dataset.range(len(split))
    size = min(size, inference_batch(spec))
    if training_of(spec).per_class:
        ordered = np.concatenate(validation_positions(len(split), size, spec))
        positions = tf.data.Dataset.from_tensor_slices(ordered)
    if (mask := learnable(split.y, spec)) is not None:
        positions = tf.data.Dataset.from_tensor_slices(np.flatnonzero(mask))

    def load(rows: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = to_input(fetch(rows), spec)
        return x, target_of(tf.gather(split.y, rows), x, spec)

    batches = positions.batch(size).map(load)
    if soft and task_of(spec).predicts_classes:
        batches = batches.map(lambda x, y: (x, tf.one_hot(y, len(spec.classes))))
    return batches if is_on_disk(split.x) else batches.cache()


def validation_positions(count: int, size: int, spec: TaskSpec) -> list[np.ndarray]:
    """Divide the positions of a split into validation batches, `(batch,)` int64.

    Args:
        count: number of examples of the split.
        size: maximum number of examples per batch.
        spec: signature of the data; where its losses compare the examples of a batch,
            each batch is taken at equal steps from the whole split, whose classes may
            be one after another.
    """
    positions = np.arange(count, dtype=np.int64)
    batches = -(-count // size)
    if training_of(spec).per_class:
        return [positions[first::batches] for first in range(batches)]
    return [positions[i : i + size] for i in range(0, count, size)]


def to_input(x: tf.Tensor, spec: TaskSpec) -> tf.Tensor:
    """Convert stored examples to model inputs: `TaskSpec.to_input` inside a graph."""
    if spec.modality == "text":
        return tf.cast(x, tf.int32)
    return tf.cast(x, tf.float32) * spec.scale + spec.offset


def fetcher(x: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    """Return `fetch(positions)`, which reads examples from memory or from their file.

    Args:
        x: stored examples, `(n, *shape)`; a memory map of a whole file stays there,
            and so do compressed shards, unless a GPU has room for them.
    """
    if not is_on_disk(x) or fits_on_device(x.nbytes):
        in_memory = tf.constant(np.asarray(x))
        return lambda positions: tf.gather(in_memory, positions)
    rows = Rows(Path(str(x.filename))) if is_whole_file(x) else x

    def fetch(positions: tf.Tensor) -> tf.Tensor:
        read = rows.__getitem__
        examples = tf.numpy_function(read, [positions], rows.dtype, stateful=False)
        return tf.ensure_shape(examples, [positions.shape[0], *rows.shape[1:]])

    return fetch


def is_on_disk(x: np.ndarray) -> bool:
    """Return True for examples that batches read from files."""
    return isinstance(x, ShardRows) or is_whole_file(x)


def is_whole_file(x: np.ndarray) -> TypeGuard[np.memmap]:
    """Return True if x is a memory map of an entire .npy file, not of a slice of it."""
    if not isinstance(x, np.memmap):
        return False
    expected = np.prod(x.shape) * x.itemsize + x.offset
    complete = expected == Path(str(x.filename)).stat().st_size
    return bool(complete and x.flags.c_contiguous)


def _weights(y: tf.Tensor, split: Split) -> tf.Tensor | None:
    """Return the weight of each example, or pixel, if classes have weights."""
    if split.class_weights is None:
        return None
    weights = tf.constant(split.class_weights, tf.float32)
    if y.dtype.is_floating:
        return tf.linalg.matvec(y, weights)
    numbers = tf.minimum(tf.cast(y, tf.int32), len(split.class_weights) - 1)
    return tf.gather(weights, numbers)


def _shuffled(count: int, seed: int, epoch: tf.Tensor) -> tf.Tensor:
    key = tf.stack([tf.constant(derive_seed(seed, "shuffle"), tf.int64), epoch])
    order = tf.range(count, dtype=tf.int64)
    return tf.random.experimental.stateless_shuffle(order, key)
