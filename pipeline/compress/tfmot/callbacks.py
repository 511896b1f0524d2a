"""Callbacks of fine-tuning in tf_keras."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.tasks.task import Task


class BuildVariables(tf_keras.callbacks.Callback):
    """Create all variables before the first step, so that it is traced only once.

    A step that creates variables of the optimizer or of metrics is traced a second time
    without them, which takes about a quarter of a short fine-tuning.

    Args:
        task: determines the shape and dtype of targets.
    """

    def __init__(self, task: Task):
        super().__init__()
        self.task = task

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Build the optimizer, the loss and the metrics; `fit` calls it."""
        self.model.optimizer.build(self.model.trainable_variables)
        outputs = tf.zeros((1, *self.model.output_shape[1:]))
        self.model.compiled_loss.build(outputs)
        self.model.compiled_metrics.build(outputs, self._target(outputs))

    def _target(self, outputs: tf.Tensor) -> tf.Tensor:
        """Return the target of one example: a class, a number, or an example."""
        if self.task.reconstructs or self.task.target in ("numbers", "image"):
            return outputs
        if self.task.ranks:
            return tf.zeros((1, 2), tf.int32)
        # An example, a pixel or a step has one.
        if self.task.predicts_classes or self.task.target == "identity":
            return tf.zeros(outputs.shape[:-1], tf.int64)
        return tf.zeros((1,), tf.float32)


class PreserveZeros(tf_keras.callbacks.Callback):
    """Restore the zeros of kernels before each validation, thus in the weights kept.

    tfmot's sparsity-preserving scheme restores zeros itself, except in layers that it
    does not quantize and in those that feed a Concatenate, which get the default
    scheme.

    Args:
        model: its kernels' present zeros are restored.
    """

    def __init__(self, model: tf_keras.Model):
        super().__init__()
        kernels = [weight for weight in model.trainable_weights if is_kernel(weight)]
        self.masks = [(kernel, kernel.numpy() != 0) for kernel in kernels]

    def on_test_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Restore the zeros; `fit` calls it once per epoch, before validation."""
        for kernel, mask in self.masks:
            kernel.assign(np.where(mask, kernel.numpy(), np.float32(0)))


def is_kernel(weight: Any) -> bool:
    """Return whether a weight has two axes longer than 1: no bias, no statistics."""
    return sum(size > 1 for size in weight.shape) > 1
