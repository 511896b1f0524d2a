"""Batches whose order and augmentation are a function of (seed, epoch).

One endless stream runs through all epochs, so that nothing is rebuilt between
them; epoch e can be reached without going through those before it.
"""

from __future__ import annotations

from collections.abc import Callable
from math import ceil
from pathlib import Path

import numpy as np
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.data.artifact import Split
from pipeline.data.rows import Rows
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
    """Shuffled, augmented batches `(model input, class)` of `epochs`, one stream.

    Classes are probabilities, `(batch, classes)`, where the policy mixes examples;
    the weight of each example comes third where the split has class weights.
    """
    fetch, y = fetcher(split.x), tf.constant(split.y)
    size = min(batch_size, len(split))
    steps, _ = plan_steps(len(split), size)

    def one_epoch(epoch: tf.Tensor) -> tf.data.Dataset:
        order = _shuffled(len(split), seed, epoch)[: steps * size]
        batches = tf.data.Dataset.from_tensor_slices(tf.reshape(order, [steps, size]))
        return batches.map(lambda at: load(epoch, at), tf.data.AUTOTUNE)

    def inputs(at: tf.Tensor) -> tf.Tensor:
        return to_input(fetch(at), spec)

    def soft(at: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return inputs(at), tf.one_hot(tf.gather(y, at), len(spec.classes))

    def load(epoch: tf.Tensor, at: tf.Tensor) -> tuple[tf.Tensor, ...]:
        at = tf.ensure_shape(at, [size])
        if policy and policy.mixes:
            pair = policy.mixed(soft, epoch, at, len(split))
        else:
            x = inputs(at)
            pair = (policy(x, epoch, at) if policy else x), tf.gather(y, at)
        return (*pair, *_weights(pair[1], split))

    numbers = tf.data.Dataset.range(epochs.start, epochs.stop)
    return numbers.flat_map(one_epoch).prefetch(tf.data.AUTOTUNE)


def validation_batches(
    split: Split, spec: TaskSpec, size: int = 512, soft: bool = False
) -> tf.data.Dataset:
    """The examples in order, as they are; kept in memory unless they are many.

    Args:
        soft: classes as probabilities, as training has them with a mixing policy.
    """
    fetch = fetcher(split.x)
    at = tf.data.Dataset.range(len(split)).batch(size)
    batches = at.map(lambda at: (to_input(fetch(at), spec), tf.gather(split.y, at)))
    if soft:
        batches = batches.map(lambda x, y: (x, tf.one_hot(y, len(spec.classes))))
    return batches if is_whole_file(split.x) else batches.cache()


def to_input(x: tf.Tensor, spec: TaskSpec) -> tf.Tensor:
    """`TaskSpec.to_input` in TensorFlow's graph."""
    if spec.modality == "text":
        return tf.cast(x, tf.int32)
    return tf.cast(x, tf.float32) * spec.scale + spec.offset


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


def _weights(y: tf.Tensor, split: Split) -> tuple[tf.Tensor, ...]:
    """The weight of each example, `(batch,)`, if classes have weights."""
    if split.class_weights is None:
        return ()
    weights = tf.constant(split.class_weights, tf.float32)
    if y.dtype.is_floating:
        return (tf.linalg.matvec(y, weights),)
    return (tf.gather(weights, y),)


def _shuffled(count: int, seed: int, epoch: tf.Tensor) -> tf.Tensor:
    key = tf.stack([tf.constant(derive_seed(seed, "shuffle"), tf.int64), epoch])
    order = tf.range(count, dtype=tf.int64)
    return tf.random.experimental.stateless_shuffle(order, key)
