"""Random numbers that depend on (key, epoch, example) and on no state.

SplitMix64 (Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators,
2014) as a counter-based generator: no order of calls, number of workers or batch
size changes a draw. Keras's own random layers keep a state, which a parallel `map`
reads in any order.
"""

from __future__ import annotations

from dataclasses import dataclass

import tensorflow as tf

from pipeline.core.determinism import derive_seed

GOLDEN = 0x9E3779B97F4A7C15


def uniform(key: int, epoch: tf.Tensor, index: tf.Tensor, count: int = 0) -> tf.Tensor:
    """Draw uniform numbers, 0 <= u < 1, with a resolution of 2**-24.

    Args:
        key: purpose of the draw, see `pipeline.core.determinism.derive_seed`.
        epoch: scalar integer.
        index: positions of the examples in their split, `(batch,)`.
        count: draws per example; 0 for one without an axis of its own.

    Returns:
        float32 `(batch,)`, or `(batch, count)` for a positive count.
    """
    state = _mix(_word(key) + _word(epoch) * _word(GOLDEN))
    state = _mix(state + _word(index) * _word(GOLDEN))
    if count:
        state = _mix(state[:, None] + _word(tf.range(count)) * _word(GOLDEN))
    top = tf.bitwise.right_shift(state, _word(40))
    return tf.cast(top, tf.float32) * 2.0**-24


@dataclass(frozen=True)
class Draw:
    """The random numbers of one step of a policy, for one batch.

    Args:
        seed: of the step; it depends on the step's position and name.
        epoch: scalar integer.
        index: positions of the examples in their split, `(batch,)`.
        gate: `(batch,)` of 0 and 1; an example with 0 has symmetric draws of 0.
    """

    seed: int
    epoch: tf.Tensor
    index: tf.Tensor
    gate: tf.Tensor | None = None

    def uniform(self, name: str, count: int = 0) -> tf.Tensor:
        """Draw from 0 <= u < 1, regardless of the gate.

        Args:
            name: purpose within the step.
            count: draws per example, see `uniform`.

        Returns:
            float32 `(batch,)` or `(batch, count)`.
        """
        return uniform(derive_seed(self.seed, name), self.epoch, self.index, count)

    def symmetric(self, name: str, limit: float, count: int = 0) -> tf.Tensor:
        """Draw uniformly from -limit .. limit; 0 where the gate is closed.

        Args:
            name: purpose within the step.
            limit: largest absolute value.
            count: draws per example, see `uniform`.

        Returns:
            float32 `(batch,)` or `(batch, count)`.
        """
        drawn = (2 * self.uniform(name, count) - 1) * limit
        if self.gate is None:
            return drawn
        return drawn * (self.gate[:, None] if count else self.gate)

    def integer(self, name: str, count: int) -> tf.Tensor:
        """Draw uniformly from 0 .. count - 1, regardless of the gate.

        Args:
            name: purpose within the step.
            count: number of possible values.

        Returns:
            int32 `(batch,)`.
        """
        drawn = tf.cast(self.uniform(name) * count, tf.int32)
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
