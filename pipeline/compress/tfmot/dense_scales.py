"""One scale per kernel of Dense layers, where that makes a file smaller at no cost.

In: a tf_keras model, and its int8 file with one scale per output. Out: that file, or
one whose Dense kernels have one scale each. A scale and a zero point are 12 bytes per
output, which an autoencoder of Dense layers has many of.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import tf_keras

from pipeline.compress.adjust.graph import Runner

BYTES_PER_OUTPUT = 12  # scale float32, zero point int64
SMALLEST_GAIN = 0.02  # of the bytes of the file
MORE_ERROR = 1.1  # of the error of the file with a scale per output


def with_dense_scales(
    model: tf_keras.Model,
    content: bytes,
    convert: Callable[[], bytes],
    inputs: np.ndarray,
    outputs: np.ndarray,
) -> bytes:
    """Return the smaller of two files, if it is not further from the model.

    Args:
        model: the model of the file.
        content: the file with one scale per output of each Dense layer.
        convert: makes the file with one scale per Dense kernel.
        inputs: calibration examples, `(n, ...)`.
        outputs: outputs of the model for them, `(n, ...)`.
    """
    if _saving(model) < SMALLEST_GAIN * len(content):
        return content
    other = convert()
    if len(other) > (1 - SMALLEST_GAIN) * len(content):
        return content
    allowed = MORE_ERROR * error(content, inputs, outputs)
    return other if error(other, inputs, outputs) <= allowed else content


def _saving(model: tf_keras.Model) -> int:
    """Bytes that one scale per Dense kernel saves."""
    dense = [x for x in model.layers if isinstance(x, tf_keras.layers.Dense)]
    return BYTES_PER_OUTPUT * sum(layer.units - 1 for layer in dense)


def error(content: bytes, inputs: np.ndarray, outputs: np.ndarray) -> float:
    """Compute the root mean squared difference of a file and its model.

    Args:
        content: bytes of the file, with a batch of one.
        inputs: model inputs, `(n, ...)`.
        outputs: outputs of the model, `(n, ...)`.
    """
    runner = Runner(content)
    predicted = [runner.run([example[None]])[0] for example in inputs]
    return float(np.sqrt(np.mean((np.concatenate(predicted) - outputs) ** 2)))
