"""Random numbers that are a function of (key, epoch, example), never of a state.

SplitMix64 (Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators,
2014) as a counter-based generator: no order of calls, number of workers or batch
size changes a draw. Keras's own random layers keep a state, which a parallel
`map` reads in any order.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from pipeline.core.determinism import derive_seed

GOLDEN = 0x9E3779B97F4A7C15


def uniform(key: int, epoch: tf.Tensor, index: tf.Tensor, pixels: int = 0) -> tf.Tensor:
    """Draws in 0 .. 1, float32.

    Args:
        key: what the draw is for, see `pipeline.core.determinism.derive_seed`.
        epoch: scalar integer.
        index: the examples' positions in their split, `(batch,)`.
        pixels: draws for each example.

    Returns:
        `(batch,)`, or `(batch, pixels)` when `pixels` is given.
    """
    state = _mix(_word(key) + _word(epoch) * _word(GOLDEN))
    state = _mix(state + _word(index) * _word(GOLDEN))
    if pixels:
        state = _mix(state[:, None] + _word(tf.range(pixels)) * _word(GOLDEN))
    top = tf.bitwise.right_shift(state, _word(40))
    return tf.cast(top, tf.float32) * 2.0**-24


@dataclass(frozen=True)
class Draw:
    """The draws of one step of a policy for one batch.

    Args:
        seed: of the step: its place in the policy and its name are in it.
        gate: `(batch,)` of 0 and 1; 0 makes the symmetric draws of an example 0.
    """

    seed: int
    epoch: tf.Tensor
    index: tf.Tensor
    gate: tf.Tensor | None = None

    def unit(self, name: str, pixels: int = 0) -> tf.Tensor:
        """Uniform in 0 .. 1, `(batch,)` or `(batch, pixels)`."""
        return uniform(derive_seed(self.seed, name), self.epoch, self.index, pixels)

    def __call__(self, name: str, reach: float, pixels: int = 0) -> tf.Tensor:
        """Uniform in -reach .. reach."""
        drawn = (2 * self.unit(name, pixels) - 1) * reach
        if self.gate is None:
            return drawn
        return drawn * (self.gate[:, None] if pixels else self.gate)

    def below(self, name: str, count: int) -> tf.Tensor:
        """Whole numbers in 0 .. count - 1, int32 `(batch,)`."""
        drawn = tf.cast(self.unit(name) * count, tf.int32)
        return tf.minimum(drawn, count - 1)


def _word(value: int | tf.Tensor) -> tf.Tensor:
    if isinstance(value, int):
        return tf.constant(value, tf.uint64)
    return tf.cast(value, tf.uint64)


def _mix(z: tf.Tensor) -> tf.Tensor:
    z = _fold(z, 30) * _word(0xBF58476D1CE4E5B9)
    z = _fold(z, 27) * _word(0x94D049BB133111EB)
    return _fold(z, 31)


def _fold(z: tf.Tensor, bits: int) -> tf.Tensor:
    return tf.bitwise.bitwise_xor(z, tf.bitwise.right_shift(z, _word(bits)))
