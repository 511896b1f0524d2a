"""Several devices of one machine that share each batch (MirroredStrategy).

Each holds all weights and takes its part of a batch; gradients are added up. Batch
normalization measures each part by itself, as Keras does.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import tensorflow as tf

from pipeline.engine.errors import UserError


def shared_by(devices: int, batch_size: int) -> AbstractContextManager:
    """A scope in which models are built and fitted on `devices` devices.

    GPUs where there are any; else the CPU, cut into as many logical ones, which is
    for tests. Must be asked for before TensorFlow has run an operation.

    Raises:
        UserError: for more GPUs than there are, or a batch that cannot be shared.
    """
    if devices == 1:
        return nullcontext()
    if batch_size % devices:
        raise UserError(
            f"train.devices {devices}: batch_size {batch_size} is no multiple of it"
        )
    return tf.distribute.MirroredStrategy(_names(devices)).scope()


def _names(devices: int) -> list[str]:
    gpus = tf.config.list_physical_devices("GPU")
    if gpus and len(gpus) < devices:
        raise UserError(f"train.devices {devices}: this machine has {len(gpus)} GPUs")
    if not gpus:
        cpu = tf.config.list_physical_devices("CPU")[0]
        parts = [tf.config.LogicalDeviceConfiguration()] * devices
        tf.config.set_logical_device_configuration(cpu, parts)
    kind = "GPU" if gpus else "CPU"
    return [f"/{kind}:{number}" for number in range(devices)]
