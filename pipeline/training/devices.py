"""Data-parallel training on several devices of one machine (MirroredStrategy).

In: a model and a number of devices. Out: its copy on those devices. Each device holds
all weights and processes a shard of every batch; gradients are summed. Batch
normalization uses the statistics of each shard, as in Keras.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import keras
import tensorflow as tf

from pipeline.core.errors import UserError


def start_method(gpus: Sequence[Any] | None = None) -> Literal["fork", "spawn"]:
    """Choose the start method of worker processes: a forked one cannot use a GPU.

    Args:
        gpus: visible GPUs; None asks TensorFlow, which runs no operation.
    """
    visible = tf.config.list_physical_devices("GPU") if gpus is None else gpus
    return "spawn" if visible else "fork"


def prepare(devices: int, batch_size: int) -> None:
    """Check that the devices exist; without a GPU, split the CPU into logical ones.

    Must be called before TensorFlow has run an operation.

    Args:
        devices: number of devices that share each batch.
        batch_size: examples per batch, over all devices.

    Raises:
        UserError: if there are too few GPUs, or a batch cannot be divided evenly.
    """
    if batch_size % devices:
        raise UserError(
            f"`train.batch_size` ({batch_size}) must be a multiple of "
            f"`train.devices` ({devices})"
        )
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and len(gpus) < devices:
        raise UserError(
            f"`train.devices` is {devices}, but this machine has {len(gpus)} GPUs; "
            "lower it"
        )
    if not gpus and devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        logical = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(cpu, logical)


@contextmanager
def shared(model: keras.Model, devices: int) -> Iterator[keras.Model]:
    """Copy a model to several devices; on exit it receives the trained weights.

    Args:
        model: changed in place on exit.
        devices: number of devices; 1 yields the model itself.
    """
    if devices == 1:
        yield model
        return
    kind = "GPU" if tf.config.list_physical_devices("GPU") else "CPU"
    names = [f"/{kind}:{number}" for number in range(devices)]
    with tf.distribute.MirroredStrategy(names).scope():
        copy = keras.models.clone_model(model)
        copy.set_weights(model.get_weights())
        yield copy
        model.set_weights(copy.get_weights())
