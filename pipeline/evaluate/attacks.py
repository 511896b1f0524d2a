"""Adversarial attacks on the gradients of the Keras model: FGSM and PGD.

In: model inputs `(n, *shape)`, class numbers `(n,)` and a Keras model. Out: perturbed
model inputs, on which exported files are evaluated as well. Imports TensorFlow: run it
in a process of its own. FGSM: Goodfellow, Shlens, Szegedy, Explaining and Harnessing
Adversarial Examples, 2015. PGD: Madry et al., Towards Deep Learning Models Resistant to
Adversarial Attacks, 2018.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import keras
import numpy as np
import tensorflow as tf

BATCH = 128
STEP_FACTOR = 2.5  # a PGD step is this times epsilon / steps, as in Madry et al.
GradientSign = Callable[[np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True)
class Attack:
    """Limits of an attack.

    Args:
        unit: size of an epsilon of 1, in model inputs.
        steps: number of PGD steps.
        low: lower bound of model inputs; default None: unbounded.
        high: upper bound of model inputs; default None: unbounded.
    """

    unit: float
    steps: int
    low: float | None = None
    high: float | None = None

    def clip(self, inputs: np.ndarray) -> np.ndarray:
        """Clip model inputs to their bounds, if there are any."""
        return np.clip(inputs, self.low, self.high) if self.high is not None else inputs


def gradient_sign(model: keras.Model) -> GradientSign:
    """Compile the sign of the gradient of the cross-entropy by the inputs.

    Args:
        model: classifier that returns logits.

    Returns:
        `(inputs, classes) -> signs`: inputs `(n, *shape)`, class numbers `(n,)`, signs
        `(n, *shape)`.
    """

    @tf.function(reduce_retracing=True)
    def batch_sign(x: tf.Tensor, y: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(x)
            logits = model(x, training=False)
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, logits)
            loss = tf.reduce_sum(losses)
        return tf.sign(tape.gradient(loss, x))

    def sign(inputs: np.ndarray, y: np.ndarray) -> np.ndarray:
        batches = [slice(i, i + BATCH) for i in range(0, len(inputs), BATCH)]
        signs = [batch_sign(tf.constant(inputs[b]), tf.constant(y[b])) for b in batches]
        return np.concatenate([np.asarray(batch) for batch in signs])

    return sign


def fgsm(
    direction: np.ndarray, inputs: np.ndarray, epsilon: float, attack: Attack
) -> np.ndarray:
    """Take one step along the sign of the gradient.

    Args:
        direction: `gradient_sign(model)(inputs, y)`, the same for every epsilon.
        inputs: clean model inputs, `(n, *shape)`.
        epsilon: maximum change per number, in units of the attack.
        attack: limits of the attack.

    Returns:
        Perturbed model inputs, float32 `(n, *shape)`.
    """
    moved = inputs + epsilon * attack.unit * direction
    return attack.clip(moved).astype(np.float32)


def pgd(
    gradient: GradientSign,
    inputs: np.ndarray,
    y: np.ndarray,
    epsilon: float,
    attack: Attack,
    seed: int,
) -> np.ndarray:
    """Take several steps from a random start, each projected back to within epsilon.

    Args:
        gradient: `gradient_sign(model)`.
        inputs: clean model inputs, `(n, *shape)`.
        y: true classes, `(n,)`.
        epsilon: maximum change per number, in units of the attack.
        attack: limits of the attack.
        seed: seed of the random start.

    Returns:
        Perturbed model inputs, float32 `(n, *shape)`.
    """
    radius = epsilon * attack.unit
    rng = np.random.default_rng(seed)
    start = inputs + rng.uniform(-radius, radius, inputs.shape)
    perturbed = attack.clip(start).astype(np.float32)
    for _ in range(attack.steps):
        step = STEP_FACTOR * radius / attack.steps * gradient(perturbed, y)
        perturbed = inputs + np.clip(perturbed + step - inputs, -radius, radius)
        perturbed = attack.clip(perturbed).astype(np.float32)
    return perturbed
