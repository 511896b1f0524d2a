"""Steps for texts: int32 word numbers, `(batch, length)`; 0 is padding.

Every step takes a batch and its draws, and returns a batch of the same shape; the
ranges of the other arguments are in `pipeline.augment.grammar`.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from pipeline.augment.draws import Draw

UNKNOWN = 1  # number of the unknown word


def word_dropout(x: tf.Tensor, draw: Draw, rate: float) -> tf.Tensor:
    """Replace each word by the unknown word with probability `rate`."""
    hidden = draw.uniform("word", x.shape[1]) < rate
    return tf.where(hidden & (x > 0), UNKNOWN, x)


def swap(x: tf.Tensor, draw: Draw, rate: float) -> tf.Tensor:
    """Swap the words of each pair of neighbors with probability `rate`.

    Pairs do not overlap. They start at the first or the second word, with equal
    probability, and a pair with padding is left alone.
    """
    length = x.shape[1]
    position = tf.range(length)[None]
    offset = draw.integer("side", 2)[:, None]
    first = position - (position + offset) % 2  # of the pair a position belongs to
    partner = 2 * first + 1 - position
    complete = (first >= 0) & (first + 1 < length)
    clipped = tf.clip_by_value(partner, 0, length - 1)
    other = tf.gather(x, clipped, batch_dims=1)
    pairs = tf.maximum(first, 0)
    drawn = tf.gather(draw.uniform("pair", length), pairs, batch_dims=1)
    return tf.where(complete & (drawn < rate) & (x > 0) & (other > 0), other, x)


TEXT_STEPS: dict[str, Callable[..., tf.Tensor]] = {
    "word_dropout": word_dropout,
    "swap": swap,
}
