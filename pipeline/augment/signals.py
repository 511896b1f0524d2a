"""Steps for audio features, texts and tables.

Audio is `(batch, frames, bins, 1)`, log energies in standard deviations; texts are
int32 word numbers, `(batch, length)`, 0 padding and 1 the unknown word; tables are
`(batch, columns)` in standard deviations.
"""

from __future__ import annotations

import tensorflow as tf

from pipeline.augment.draws import Draw

QUIET = -4.0  # the lowest background, in deviations
UNKNOWN = 1


def time_shift(x: tf.Tensor, draw: Draw, frames: int) -> tf.Tensor:
    """Move along time by whole frames."""
    moved = draw.below("frames", 2 * frames + 1)[:, None] - frames
    places = tf.range(x.shape[1])[None] - moved
    return tf.gather(x, tf.clip_by_value(places, 0, x.shape[1] - 1), batch_dims=1)


def gain(x: tf.Tensor, draw: Draw, amount: float) -> tf.Tensor:
    """Louder or quieter: all log energies up or down, in each bin's deviations.

    A factor on the energies would move each bin by its own share of a deviation.
    """
    return x + draw("gain", amount)[:, None, None, None]


def background(x: tf.Tensor, draw: Draw, level: float) -> tf.Tensor:
    """A noise floor: the logarithm of a sum, taken in deviations of each bin.

    The noise is that of white noise's spectrum, exponential in power, drawn for each
    bin anew; the same level is as far below a bin's own mean in all of them.
    """
    height = QUIET + draw.unit("level") * (level - QUIET)
    drawn = draw.unit("noise", x.shape[1] * x.shape[2])
    power = -tf.math.log(tf.maximum(drawn, 2.0**-25))
    noise = tf.math.log(power + 1e-6) + height[:, None]
    noise = tf.reshape(noise, [-1, *x.shape[1:]])
    return tf.maximum(x, noise) + tf.math.softplus(-tf.abs(x - noise))


def time_mask(x: tf.Tensor, draw: Draw, frames: int) -> tf.Tensor:
    """Hide neighbouring frames (Park et al., SpecAugment, 2019)."""
    hidden = _band(draw, x.shape[1], frames)
    return tf.where(hidden[:, :, None, None], 0.0, x)


def freq_mask(x: tf.Tensor, draw: Draw, bins: int) -> tf.Tensor:
    """Hide neighbouring bins (Park et al., SpecAugment, 2019)."""
    hidden = _band(draw, x.shape[2], bins)
    return tf.where(hidden[:, None, :, None], 0.0, x)


def word_dropout(x: tf.Tensor, draw: Draw, rate: float) -> tf.Tensor:
    """Make words unknown; padding stays."""
    hidden = draw.unit("word", x.shape[1]) < rate
    return tf.where(hidden & (x > 0), UNKNOWN, x)


def swap(x: tf.Tensor, draw: Draw, rate: float) -> tf.Tensor:
    """Exchange pairs of neighbours, from the first or the second word on."""
    length = x.shape[1]
    place = tf.range(length)[None]
    odd = draw.below("side", 2)[:, None]
    first = place - (place + odd) % 2  # of the pair that a place is in
    partner = 2 * first + 1 - place
    whole = (first >= 0) & (first + 1 < length)
    safe = tf.clip_by_value(partner, 0, length - 1)
    other = tf.gather(x, safe, batch_dims=1)
    lot = tf.gather(draw.unit("pair", length), tf.maximum(first, 0), batch_dims=1)
    return tf.where(whole & (lot < rate) & (x > 0) & (other > 0), other, x)


def jitter(x: tf.Tensor, draw: Draw, amount: float) -> tf.Tensor:
    """Add Gaussian noise to each column."""
    return x + amount * gaussian(draw.unit("column", x.shape[1]))


def gaussian(unit: tf.Tensor) -> tf.Tensor:
    """Normal draws from uniform ones of 0 <= u < 1, by the inverse of the CDF.

    Moved into the middle of their 24-bit step: 0 would be minus infinity. The last
    step's middle rounds to 1 in float32, plus infinity, so it stays below.
    """
    return tf.math.ndtri(tf.minimum(unit + 2.0**-25, 1 - 2.0**-24))


SIGNALS = {
    "time_shift": time_shift,
    "gain": gain,
    "background": background,
    "time_mask": time_mask,
    "freq_mask": freq_mask,
    "word_dropout": word_dropout,
    "swap": swap,
    "jitter": jitter,
}


def _band(draw: Draw, length: int, most: int) -> tf.Tensor:
    """True on a stretch of 0 .. most places, anywhere; `(batch, length)`."""
    most = min(most, length)
    width = draw.below("width", most + 1)
    room = tf.cast(length - width + 1, tf.float32)
    begin = tf.cast(draw.unit("begin") * room, tf.int32)[:, None]
    place = tf.range(length)[None]
    return (place >= begin) & (place < begin + width[:, None])
