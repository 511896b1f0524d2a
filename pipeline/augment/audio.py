"""Steps for audio features, `(batch, frames, bins, 1)`.

Features are log energies in standard deviations of each bin over the training split,
so 0 is a bin's mean. Every step takes a batch and its draws, and returns a batch of
the same shape; the ranges of the other arguments are in `pipeline.augment.grammar`.
"""

from __future__ import annotations

from collections.abc import Callable

import tensorflow as tf

from pipeline.augment.draws import Draw

QUIET = -4.0  # the lowest level of background noise, in standard deviations


def time_shift(x: tf.Tensor, draw: Draw, frames: int) -> tf.Tensor:
    """Shift along time by up to `frames` whole frames, repeating the edge frames."""
    offset = draw.integer("frames", 2 * frames + 1)[:, None] - frames
    sources = tf.range(x.shape[1])[None] - offset
    return tf.gather(x, tf.clip_by_value(sources, 0, x.shape[1] - 1), batch_dims=1)


def gain(x: tf.Tensor, draw: Draw, amount: float) -> tf.Tensor:
    """Add one number from -amount .. amount to all log energies of an example.

    The number is in each bin's standard deviations. A factor on the energies would
    change each bin by a different number of them.
    """
    return x + draw.symmetric("gain", amount)[:, None, None, None]


def background(x: tf.Tensor, draw: Draw, level: float) -> tf.Tensor:
    """Add white noise at -4 .. level standard deviations from each bin's mean.

    Its power is exponentially distributed and drawn per frame and bin. Energies add
    up: the result is the logarithm of the sum, in standard deviations of each bin.
    """
    height = QUIET + draw.uniform("level") * (level - QUIET)
    drawn = draw.uniform("noise", x.shape[1] * x.shape[2])
    power = -tf.math.log(tf.maximum(drawn, 2.0**-25))
    noise = tf.math.log(power + 1e-6) + height[:, None]
    noise = tf.reshape(noise, [-1, *x.shape[1:]])
    return tf.maximum(x, noise) + tf.math.softplus(-tf.abs(x - noise))


def time_mask(x: tf.Tensor, draw: Draw, frames: int) -> tf.Tensor:
    """Set up to `frames` consecutive frames to 0.

    Park et al., SpecAugment, 2019.
    """
    hidden = _band(draw, x.shape[1], frames)
    return tf.where(hidden[:, :, None, None], 0.0, x)


def freq_mask(x: tf.Tensor, draw: Draw, bins: int) -> tf.Tensor:
    """Set up to `bins` adjacent frequency bins to 0.

    Park et al., SpecAugment, 2019.
    """
    hidden = _band(draw, x.shape[2], bins)
    return tf.where(hidden[:, None, :, None], 0.0, x)


AUDIO_STEPS: dict[str, Callable[..., tf.Tensor]] = {
    "time_shift": time_shift,
    "gain": gain,
    "background": background,
    "time_mask": time_mask,
    "freq_mask": freq_mask,
}


def _band(draw: Draw, length: int, max_width: int) -> tf.Tensor:
    """True on a band of 0 .. max_width positions, anywhere; `(batch, length)`."""
    max_width = min(max_width, length)
    width = draw.integer("width", max_width + 1)
    room = tf.cast(length - width + 1, tf.float32)
    begin = tf.cast(draw.uniform("begin") * room, tf.int32)[:, None]
    position = tf.range(length)[None]
    return (position >= begin) & (position < begin + width[:, None])
