"""Batches whose order and augmentation are a function of (seed, epoch).

Epoch e can be reached without going through those before it. `Feed` is for an epoch
inside one graph, `training_batches` for Keras's own fit.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.rows import Rows
from pipeline.data.spec import TaskSpec
from pipeline.core.determinism import derive_seed

MOST_FUSED = 64  # batches in one call into TensorFlow


def plan_steps(examples: int, batch_size: int) -> tuple[int, int]:
    """Batches of one epoch, and how many of them one call may run.

    Keras runs whole calls only, so the first must be a multiple of the second;
    at most a few batches of an epoch are left out, others in each epoch.
    """
    whole = max(1, examples // batch_size)
    fused = whole // ceil(whole / MOST_FUSED)
    return whole - whole % fused, fused


@dataclass(frozen=True)
class Batch:
    """What a loss may look at.

    Args:
        x: model inputs.
        y: what outputs are held against: class numbers `(batch,)`, or probabilities
            `(batch, classes)`; numbers `(batch, 1)`; x itself to be rebuilt.
        weights: of each example, `(batch,)`; None where all weigh 1.
        at: positions in the training split, `(batch,)` int64.
        progress: the part of the fit that is over, a scalar from 0 to 1.
    """

    x: tf.Tensor
    y: tf.Tensor
    weights: tf.Tensor | None
    at: tf.Tensor
    progress: tf.Tensor | float = 0.0


class Feed:
    """The batches of an epoch, by TensorFlow operations without a state.

    Nothing depends on what was drawn before, so that batches can be made in any
    order, while others are learnt from, and in any process.

    Args:
        size: examples of a batch, at most those of the split.
        policy: augmentation; one that mixes makes class numbers probabilities.
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
        """Positions of the epoch's examples, `(steps, size)` int64."""
        steps = steps or self.steps
        order = _shuffled(len(self.split), self.seed, epoch)[: steps * self.size]
        return tf.reshape(order, [steps, self.size])

    def batch(
        self, epoch: tf.Tensor, at: tf.Tensor, progress: tf.Tensor | float = 0.0
    ) -> Batch:
        """The examples at the positions `at`, augmented for the epoch."""
        if self.policy and self.policy.mixes:
            x, y = self.policy.mixed(self._soft, epoch, at, len(self.split))
        else:
            x, y = self._inputs(at), tf.gather(self.y, at)
            x = self.policy(x, epoch, at) if self.policy else x
        y = target_of(y, x, self.spec)
        return Batch(x, y, _weights(y, self.split), at, progress)

    def _inputs(self, at: tf.Tensor) -> tf.Tensor:
        return to_input(self.fetch(at), self.spec)

    def _soft(self, at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        y = tf.gather(self.y, at)
        if self.spec.task == "regression":
            return self._inputs(at), y[:, None]
        return self._inputs(at), tf.one_hot(y, len(self.spec.classes))


def training_batches(
    split: Split,
    spec: TaskSpec,
    batch_size: int,
    epochs: range,
    seed: int,
    policy: Policy | None,
) -> tf.data.Dataset:
    """The same batches as a data set, `(model input, target)`, for Keras's own fit.

    Targets are those of `Batch`: classes are probabilities, `(batch, classes)`, where
    the policy mixes examples. The weight of each example comes third where the split
    has class weights.
    """
    feed = Feed(split, spec, batch_size, seed, policy)
    steps, _ = plan_steps(len(split), feed.size)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        batches = tf.data.Dataset.from_tensor_slices(feed.order(epoch, steps))
        return batches.map(lambda at: load(epoch, at), tf.data.AUTOTUNE)

    def load(epoch: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, ...]:
        batch = feed.batch(epoch, tf.ensure_shape(at, [feed.size]))
        weights = () if batch.weights is None else (batch.weights,)
        return (batch.x, batch.y, *weights)

    numbers = tf.data.Dataset.range(epochs.start, epochs.stop)
    return numbers.flat_map(one_epoch).prefetch(tf.data.AUTOTUNE)


def validation_batches(
    split: Split, spec: TaskSpec, size: int = 512, soft: bool = False
) -> tf.data.Dataset:
    """The examples in order, as they are; kept in memory unless they are many.

    Of a reconstruction these are the normal ones.

    Args:
        soft: classes as probabilities, as training has them with a mixing policy.
    """
    fetch = fetcher(split.x)
    at = tf.data.Dataset.range(len(split))
    if spec.task == "reconstruction":
        at = tf.data.Dataset.from_tensor_slices(np.flatnonzero(split.y == 0))

    def load(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        x = to_input(fetch(at), spec)
        return x, target_of(tf.gather(split.y, at), x, spec)

    batches = at.batch(size).map(load)
    if soft and spec.classes and spec.task != "reconstruction":
        batches = batches.map(lambda x, y: (x, tf.one_hot(y, len(spec.classes))))
    return batches if is_whole_file(split.x) else batches.cache()


def to_input(x: tf.Tensor, spec: TaskSpec) -> tf.Tensor:
    """`TaskSpec.to_input` in TensorFlow's graph."""
    if spec.modality == "text":
        return tf.cast(x, tf.int32)
    return tf.cast(x, tf.float32) * spec.scale + spec.offset


def target_of(y: tf.Tensor, x: tf.Tensor, spec: TaskSpec) -> tf.Tensor:
    """What the outputs for the model inputs x are held against: see `Batch`."""
    if spec.task == "reconstruction":
        return x
    return tf.reshape(y, [-1, 1]) if spec.task == "regression" else y


def fetcher(x: np.ndarray) -> Callable[[tf.Tensor], tf.Tensor]:
    """`fetch(positions)`: examples from memory, or from the file of a memory map."""
    if not is_whole_file(x):
        whole = tf.constant(x)
        return lambda at: tf.gather(whole, at)
    rows = Rows(Path(x.filename))

    def fetch(at: tf.Tensor) -> tf.Tensor:
        read = tf.numpy_function(rows.__getitem__, [at], rows.dtype, stateful=False)
        return tf.ensure_shape(read, [at.shape[0], *rows.shape[1:]])

    return fetch


def is_whole_file(x: np.ndarray) -> bool:
    """Whether x is a memory map of all of a .npy file, and not a part of one."""
    if not isinstance(x, np.memmap):
        return False
    whole = np.prod(x.shape) * x.itemsize + x.offset == Path(x.filename).stat().st_size
    return bool(whole and x.flags.c_contiguous)


def _weights(y: tf.Tensor, split: Split) -> tf.Tensor | None:
    """The weight of each example, `(batch,)`, if classes have weights."""
    if split.class_weights is None:
        return None
    weights = tf.constant(split.class_weights, tf.float32)
    if y.dtype.is_floating:
        return tf.linalg.matvec(y, weights)
    return tf.gather(weights, y)


def _shuffled(count: int, seed: int, epoch: tf.Tensor) -> tf.Tensor:
    key = tf.stack([tf.constant(derive_seed(seed, "shuffle"), tf.int64), epoch])
    order = tf.range(count, dtype=tf.int64)
    return tf.random.experimental.stateless_shuffle(order, key)
