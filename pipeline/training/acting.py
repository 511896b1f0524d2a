"""The outputs of a model that acts in an environment, as a function of NumPy arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.metrics.task_metrics import Predict


def acting(model: Any) -> Predict:
    """Compile a model for many small batches, in inference mode.

    Args:
        model: of Keras 3 or tf_keras, with one output; its present weights are used.

    Returns:
        Model inputs `(n, *shape)` -> outputs, float32 `(n, ...)`.
    """

    @tf.function(autograph=False, reduce_retracing=True)
    def outputs(x: tf.Tensor) -> tf.Tensor:
        return tf.cast(model(x, training=False), tf.float32)

    def predict(inputs: np.ndarray) -> np.ndarray:
        return np.asarray(outputs(tf.constant(inputs)))

    return predict
