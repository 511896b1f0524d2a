"""Steps for tables, `(batch, columns)`, and series, `(batch, steps, columns)`.

Numbers are in standard deviations of each column.

Every step takes a batch and its draws, and returns a batch of the same shape; the
ranges of the other arguments are in `pipeline.augment.grammar`.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import tensorflow as tf

from pipeline.augment.draws import Draw


def jitter(x: tf.Tensor, draw: Draw, amount: float) -> tf.Tensor:
    """Add Gaussian noise of `amount` standard deviations to each number."""
    drawn = gaussian(draw.uniform("column", math.prod(x.shape[1:])))
    return x + amount * tf.reshape(drawn, tf.shape(x))


def gaussian(unit: tf.Tensor) -> tf.Tensor:
    """Convert uniform draws to standard normal ones, by the inverse of the CDF.

    Each draw is moved to the middle of its 24-bit step, because 0 would become minus
    infinity. The middle of the last step would round to 1 in float32 and become plus
    infinity, so it is clipped.

    Args:
        unit: 0 <= u < 1, of any shape.

    Returns:
        Finite numbers of the same shape.
    """
    return tf.math.ndtri(tf.minimum(unit + 2.0**-25, 1 - 2.0**-24))


TABLE_STEPS: dict[str, Callable[..., tf.Tensor]] = {"jitter": jitter}
