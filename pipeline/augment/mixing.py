"""Steps that mix two examples and their labels.

Labels are probabilities here, `(batch, classes)`. The partner of an example is
drawn from the whole split, so that it does not depend on what is in the batch.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import tensorflow as tf
from scipy.special import betaincinv

from pipeline.augment.draws import Draw

Pair = tuple[tf.Tensor, tf.Tensor]
QUANTILES = 4096


def mixup(one: Pair, other: Pair, draw: Draw, alpha: float) -> Pair:
    """`share * one + (1 - share) * other` (Zhang et al., mixup, 2018)."""
    share = _share(draw, alpha)
    return tuple(_blend(a, b, share) for a, b in zip(one, other))


def cutmix(one: Pair, other: Pair, draw: Draw, alpha: float) -> Pair:
    """A box of the other example inside one (Yun et al., CutMix, 2019)."""
    height, width = one[0].shape[1], one[0].shape[2]
    side = tf.sqrt(1 - _share(draw, alpha))
    rows = _stretch(draw, "y", height, side)[:, :, None]
    columns = _stretch(draw, "x", width, side)[:, None, :]
    box = (rows & columns)[..., None]
    share = 1 - tf.reduce_mean(tf.cast(box, tf.float32), axis=(1, 2, 3))
    return tf.where(box, other[0], one[0]), _blend(one[1], other[1], share)


MIXERS = {"mixup": mixup, "cutmix": cutmix}


def _share(draw: Draw, alpha: float) -> tf.Tensor:
    """Draws of Beta(alpha, alpha), `(batch,)`: its quantiles at uniform draws."""
    return tf.gather(tf.constant(_quantiles(alpha)), draw.below("share", QUANTILES))


@lru_cache
def _quantiles(alpha: float) -> np.ndarray:
    chances = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return betaincinv(alpha, alpha, chances).astype(np.float32)


def _blend(one: tf.Tensor, other: tf.Tensor, share: tf.Tensor) -> tf.Tensor:
    share = tf.reshape(share, [-1, *[1] * (len(one.shape) - 1)])
    return share * one + (1 - share) * other


def _stretch(draw: Draw, name: str, length: int, side: tf.Tensor) -> tf.Tensor:
    """True within `side * length` of a centre anywhere; `(batch, length)`."""
    centre = draw.unit(name)[:, None] * length
    place = tf.range(length, dtype=tf.float32)[None] + 0.5
    return tf.abs(place - centre) < side[:, None] * length / 2
