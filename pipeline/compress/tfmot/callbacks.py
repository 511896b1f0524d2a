"""Callbacks of fine-tuning in tf_keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.tasks.task import Task


class BuildFirst(tf_keras.callbacks.Callback):
    """Makes all variables before the first step, which is then traced once.

    A step that makes variables of the optimizer or of metrics is traced a second
    time without them: about one second in four of a short fine-tuning.

    Args:
        task: says what targets look like.
    """

    def __init__(self, task: Task):
        super().__init__()
        self.task = task

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Called by fit before its first step."""
        self.model.optimizer.build(self.model.trainable_variables)
        outputs = tf.zeros((1, *self.model.output_shape[1:]))
        self.model.compiled_loss.build(outputs)
        self.model.compiled_metrics.build(outputs, self._answer(outputs))

    def _answer(self, outputs: tf.Tensor) -> tf.Tensor:
        """What the data say of one example: a class, a number, or the example."""
        if self.task.reconstructs:
            return outputs
        return tf.zeros((1,), tf.int64 if self.task.target == "class" else tf.float32)


class KeepZeros(tf_keras.callbacks.Callback):
    """Puts zeros back before each validation, so that the weights kept have them.

    tfmot's scheme does so by itself, but not for the layers that it leaves out, nor
    for those that feed a Concatenate, to which it gives the ordinary scheme.
    """

    def __init__(self, model: tf_keras.Model):
        super().__init__()
        kernels = [weight for weight in model.trainable_weights if is_kernel(weight)]
        self.masks = [(kernel, kernel.numpy() != 0) for kernel in kernels]

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Called by fit once an epoch, before the validation examples."""
        for kernel, mask in self.masks:
            kernel.assign(np.where(mask, kernel.numpy(), np.float32(0)))


def is_kernel(weight: Any) -> bool:
    """Whether a weight has two dimensions or more: no bias, no statistics."""
    return sum(size > 1 for size in weight.shape) > 1
