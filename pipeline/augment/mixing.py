"""Steps that mix two examples and their labels.

Labels are probabilities, `(batch, classes)`. The partner of an example is drawn from
the whole split, so that it does not depend on the batch. Every step takes a batch, the
partners of its examples and the draws, and returns the mixed batch.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
import tensorflow as tf
from scipy.special import betaincinv

from pipeline.augment.draws import Draw

Pair = tuple[tf.Tensor, tf.Tensor]  # model inputs and labels of a batch
QUANTILES = 4096


def mixup(pair: Pair, partner: Pair, draw: Draw, alpha: float) -> Pair:
    """Blend two examples and their labels, at a weight from Beta(alpha, alpha).

    Zhang et al., mixup: Beyond Empirical Risk Minimization, 2018.
    """
    weight = beta(draw, alpha)
    return _blend(pair[0], partner[0], weight), _blend(pair[1], partner[1], weight)


def cutmix(pair: Pair, partner: Pair, draw: Draw, alpha: float) -> Pair:
    """Paste a box of the partner, and blend the labels by area.

    The box takes a fraction from Beta(alpha, alpha) of the image before it is clipped
    at the border. Yun et al., CutMix, 2019.
    """
    (x, y), (partner_x, partner_y) = pair, partner
    side = tf.sqrt(1 - beta(draw, alpha))
    rows = _interval(draw, "y", x.shape[1], side)[:, :, None]
    columns = _interval(draw, "x", x.shape[2], side)[:, None, :]
    box = (rows & columns)[..., None]
    kept = 1 - tf.reduce_mean(tf.cast(box, tf.float32), axis=(1, 2, 3))
    return tf.where(box, partner_x, x), _blend(y, partner_y, kept)


MIXING_STEPS: dict[str, Callable[..., Pair]] = {"mixup": mixup, "cutmix": cutmix}


def beta(draw: Draw, alpha: float) -> tf.Tensor:
    """Draw from Beta(alpha, alpha), as quantiles at uniform draws.

    Args:
        draw: of the step.
        alpha: both parameters of the distribution, above 0.

    Returns:
        float32 `(batch,)` in 0 .. 1.
    """
    return tf.gather(tf.constant(_quantiles(alpha)), draw.integer("share", QUANTILES))


@lru_cache
def _quantiles(alpha: float) -> np.ndarray:
    levels = (np.arange(QUANTILES) + 0.5) / QUANTILES
    return betaincinv(alpha, alpha, levels).astype(np.float32)


def _blend(first: tf.Tensor, second: tf.Tensor, weight: tf.Tensor) -> tf.Tensor:
    """Return `weight * first + (1 - weight) * second`."""
    weight = tf.reshape(weight, [-1, *[1] * (len(first.shape) - 1)])
    return weight * first + (1 - weight) * second


def _interval(draw: Draw, name: str, length: int, side: tf.Tensor) -> tf.Tensor:
    """True within `side * length / 2` of a uniform center; `(batch, length)`."""
    centre = draw.uniform(name)[:, None] * length
    position = tf.range(length, dtype=tf.float32)[None] + 0.5
    return tf.abs(position - centre) < side[:, None] * length / 2
