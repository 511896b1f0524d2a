"""Several devices of one machine that share each batch (MirroredStrategy).

Each holds all weights and takes its part of a batch; gradients are added up. Batch
normalization measures each part by itself, as Keras does.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal

import keras
import tensorflow as tf

from pipeline.core.errors import UserError


def start_method(gpus: Sequence[Any] | None = None) -> Literal["fork", "spawn"]:
    """How the processes of a pool must begin: a forked one cannot use a GPU.

    Args:
        gpus: those that TensorFlow sees; it is asked if None, which runs nothing.
    """
    found = tf.config.list_physical_devices("GPU") if gpus is None else gpus
    return "spawn" if found else "fork"


def prepare(devices: int, batch_size: int) -> None:
    """Check that there are as many, and cut a CPU into them, which is for tests.

    Must be called before TensorFlow has run an operation.

    Raises:
        UserError: for more GPUs than there are, or a batch that cannot be shared.
    """
    if batch_size % devices:
        raise UserError(
            f"train.devices {devices}: batch_size {batch_size} is no multiple of it"
        )
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and len(gpus) < devices:
        raise UserError(f"train.devices {devices}: this machine has {len(gpus)} GPUs")
    if not gpus and devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(cpu, parts)


@contextmanager
def shared(model: keras.Model, devices: int) -> Iterator[keras.Model]:
    """The model on `devices` devices; it has the fitted weights afterwards."""
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
