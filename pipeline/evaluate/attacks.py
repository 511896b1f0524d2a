"""FGSM and PGD: inputs made worse on purpose, with the Keras model's own gradients.

FGSM after I. Goodfellow et al., Explaining and Harnessing Adversarial Examples,
2015; PGD after A. Madry et al., Towards Deep Learning Models Resistant to
Adversarial Attacks, 2018. What is made on the Keras model is then given to exported
files. Imports TensorFlow: to be run in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

BATCH = 128
STRIDE = 2.5  # a PGD step is this times epsilon / steps, as in Madry et al.


@dataclass(frozen=True)
class Attack:
    """What an attack may do.

    Args:
        low, high: where inputs end, or None where they do not.
        unit: what an epsilon of 1 is, in model inputs.
        steps: of PGD.
    """

    unit: float
    steps: int
    low: float | None = None
    high: float | None = None

    def clip(self, inputs: np.ndarray) -> np.ndarray:
        """Inputs that still are ones."""
        return np.clip(inputs, self.low, self.high) if self.high is not None else inputs


def gradient_of(model: keras.Model) -> Callable[[np.ndarray, np.ndarray], np.ndarray]:
    """`(inputs, classes) -> sign of the loss's gradient`, both `(n, *shape)`."""

    @tf.function(reduce_retracing=True)
    def sign(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = model(x, training=False)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = tf.reduce_sum(losses)
        return tf.sign(tape.gradient(loss, x))

    def whole(inputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        parts = [slice(at, at + BATCH) for at in range(0, len(inputs), BATCH)]
        made = [sign(tf.constant(inputs[p]), tf.constant(y[p])) for p in parts]
        return np.concatenate([np.asarray(each) for each in made])

    return whole


def fgsm(
    direction: np.ndarray, inputs: np.ndarray, epsilon: float, attack: Attack
) -> np.ndarray:
    """One step along the sign of the gradient.

    Args:
        direction: `gradient_of(model)(inputs, y)`, the same for every epsilon.
        epsilon: how far each number may move, in units of the attack.
    """
    return np.float32(attack.clip(inputs + epsilon * attack.unit * direction))


def pgd(
    gradient: Callable[[np.ndarray, np.ndarray], np.ndarray],
    inputs: np.ndarray,
    y: np.ndarray,
    epsilon: float,
    attack: Attack,
    seed: int,
) -> np.ndarray:
    """Several steps, each brought back to within epsilon, from a random start."""
    reach = epsilon * attack.unit
    draw = np.random.default_rng(seed)
    moved = np.float32(attack.clip(inputs + draw.uniform(-reach, reach, inputs.shape)))
    for _ in range(attack.steps):
        step = STRIDE * reach / attack.steps * gradient(moved, y)
        moved = inputs + np.clip(moved + step - inputs, -reach, reach)
        moved = np.float32(attack.clip(moved))
    return moved
