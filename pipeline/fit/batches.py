"""Batches whose order and augmentation are a function of (seed, epoch).

One endless stream runs through all epochs, so that nothing is rebuilt between
them; epoch e can be reached without going through those before it.
"""

from __future__ import annotations

from math import ceil

import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.engine.determinism import derive_seed

MOST_FUSED = 64  # batches in one call into TensorFlow


def plan_steps(examples: int, batch_size: int) -> tuple[int, int]:
    """Batches of one epoch, and how many of them one call may run.

    Keras runs whole calls only, so the first must be a multiple of the second;
    at most a few batches of an epoch are left out, others in each epoch.
    """
    whole = max(1, examples // batch_size)
    fused = whole // ceil(whole / MOST_FUSED)
    return whole - whole % fused, fused


def training_batches(
    split: Split,
    spec: TaskSpec,
    batch_size: int,
    epochs: range,
    seed: int,
    policy: Policy | None,
) -> tf.data.Dataset:
    """Shuffled, augmented batches `(model input, class)` of `epochs`, one stream."""
    x, y = tf.constant(split.x), tf.constant(split.y)
    size = min(batch_size, len(split))
    steps, _ = plan_steps(len(split), size)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        order = _shuffled(len(split), seed, epoch)[: steps * size]
        batches = tf.data.Dataset.from_tensor_slices(tf.reshape(order, [steps, size]))
        return batches.map(lambda at: load(epoch, at), tf.data.AUTOTUNE)

    def load(epoch: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        at = tf.ensure_shape(at, [size])
        inputs = to_input(tf.gather(x, at), spec)
        inputs = policy(inputs, epoch, at) if policy else inputs
        return inputs, tf.gather(y, at)

    numbers = tf.data.Dataset.range(epochs.start, epochs.stop)
    return numbers.flat_map(one_epoch).prefetch(tf.data.AUTOTUNE)


def validation_batches(
    split: Split, spec: TaskSpec, size: int = 512
) -> tf.data.Dataset:
    """The examples in order, as they are, kept in memory."""
    pairs = tf.data.Dataset.from_tensor_slices((split.x, split.y)).batch(size)
    return pairs.map(lambda x, y: (to_input(x, spec), y)).cache()


def to_input(x: tf.Tensor, spec: TaskSpec) -> tf.Tensor:
    """`TaskSpec.to_input` in TensorFlow's graph."""
    return tf.cast(x, tf.float32) * spec.scale + spec.offset


def _shuffled(count: int, seed: int, epoch: tf.Tensor) -> tf.Tensor:
    key = tf.stack([tf.constant(derive_seed(seed, "shuffle"), tf.int64), epoch])
    order = tf.range(count, dtype=tf.int64)
    return tf.random.experimental.stateless_shuffle(order, key)
