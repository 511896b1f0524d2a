"""Pretext tasks: objectives that train an encoder on examples without labels.

In: an encoder and a batch of inputs. Out: losses, `(batch,)`. The layers that only a
pretext task needs, a projection or a decoder, are variables of the objective and are
not part of the model. References: Chen et al., A Simple Framework for Contrastive
Learning of Visual Representations, 2020 (SimCLR); He et al., Masked Autoencoders Are
Scalable Vision Learners, 2022; Vincent et al., Extracting and Composing Robust Features
with Denoising Autoencoders, 2008.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import keras
import numpy as np
import tensorflow as tf

from pipeline.augment.policy import Policy
from pipeline.core.determinism import derive_seed
from pipeline.training.batches import Batch
from pipeline.training.objective import as_float

PROJECTED = 64  # dimensions of the space in which views are compared
BLOCKS = 7  # blocks of a mask along an axis, of 4 pixels in an image of 28
SAMPLED = 1000  # examples that mean and standard deviation are measured on


class Pretext:
    """A pretext task.

    Args:
        features: dimensions of the encoder's output.
        units: units of the layers on top of the encoder, ReLU between them.
        seed: of the initial weights and of all draws.
    """

    variables: Sequence[keras.Variable]

    def __init__(self, features: int, units: Sequence[int], seed: int):
        self.seed = seed
        self.layers = [
            _dense(count, number < len(units), derive_seed(seed, "pretext", number))
            for number, count in enumerate(units, 1)
        ]
        for layer, size in zip(self.layers, (features, *units)):
            layer.build((None, size))
        self.variables = [v for layer in self.layers for v in layer.variables]

    def __call__(self, model: keras.Model, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute losses, `(batch,)`, and outputs in training mode."""
        return self.losses(model, batch, training=True)

    def losses(
        self, model: keras.Model, batch: Batch, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute losses, `(batch,)`, and outputs.

        Args:
            model: the encoder.
            batch: inputs that are not augmented; targets are ignored.
            training: run the encoder in training mode.
        """
        raise NotImplementedError

    def _outputs(self, model: keras.Model, x: tf.Tensor, training: bool) -> tf.Tensor:
        values = as_float(model(x, training=training))
        for layer in self.layers:
            values = layer(values)
        return values


class Contrastive(Pretext):
    """Two augmented views of an example are close, those of other examples are far.

    Args:
        features: dimensions of the encoder's output.
        policy: augmentation, which makes the views.
        temperature: divides the cosine similarities.
        seed: of the initial weights.
    """

    def __init__(self, features: int, policy: Policy, temperature: float, seed: int):
        super().__init__(features, (features, PROJECTED), seed)
        self.policy, self.temperature = policy, temperature

    def losses(
        self, model: keras.Model, batch: Batch, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the normalized temperature-scaled cross-entropy (Chen et al.)."""
        epoch = tf.cast(batch.epoch, tf.int64)
        views = [self.policy(batch.x, 2 * epoch + k, batch.positions) for k in (0, 1)]
        outputs = self._outputs(model, tf.concat(views, axis=0), training)
        losses = contrastive_loss(outputs, self.temperature)
        return tf.reduce_mean(tf.reshape(losses, [2, -1]), axis=0), outputs


class Reconstruction(Pretext):
    """The encoder's features are enough to restore a corrupted example.

    Args:
        features: dimensions of the encoder's output.
        x: model inputs to measure mean and standard deviation on, `(n, *shape)`.
        masked: fraction of the blocks that are replaced by the mean; the loss is that
            of these blocks. 0 masks none, and the loss is that of the whole example.
        noise: standard deviation of added normal noise, relative to that of the data.
        seed: of the initial weights, and of masks and noise.
    """

    def __init__(
        self, features: int, x: np.ndarray, masked: float, noise: float, seed: int
    ):
        self.shape = tuple(x.shape[1:])
        super().__init__(features, (math.prod(self.shape),), seed)
        self.mean, self.spread = float(x.mean()), float(x.std())
        self.masked, self.noise = masked, noise

    def losses(
        self, model: keras.Model, batch: Batch, training: bool
    ) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute the squared error of what was masked, or of all."""
        mask = self._mask(batch)
        noise = self.noise * self.spread * self._normal(batch)
        corrupted = tf.where(mask > 0, self.mean, batch.x + noise)
        outputs = self._outputs(model, corrupted, training)
        errors = tf.square(tf.reshape(outputs, tf.shape(batch.x)) - batch.x)
        weights = mask if self.masked else tf.ones_like(mask)
        axes = list(range(1, len(batch.x.shape)))
        total = tf.reduce_sum(errors * weights, axes)
        count = tf.maximum(tf.reduce_sum(weights, axes), 1.0)
        return total / count / max(self.spread, 1e-6) ** 2, outputs

    def _mask(self, batch: Batch) -> tf.Tensor:
        """Return 1 for masked entries, `(batch, *shape)`; channels are masked alike."""
        axes = self.shape[:-1] if len(self.shape) > 2 else self.shape
        blocks = [min(size, BLOCKS) if len(axes) > 1 else size for size in axes]
        draws = tf.random.stateless_uniform(
            [tf.shape(batch.x)[0], *blocks], self._key(batch, "mask")
        )
        mask = tf.cast(draws < self.masked, tf.float32)
        for axis, (size, count) in enumerate(zip(axes, blocks), 1):
            mask = tf.gather(mask, np.arange(size) * count // size, axis=axis)
        mask = mask if len(axes) == len(self.shape) else mask[..., None]
        return tf.broadcast_to(mask, tf.shape(batch.x))

    def _normal(self, batch: Batch) -> tf.Tensor:
        key = self._key(batch, "noise")
        return tf.random.stateless_normal(tf.shape(batch.x), key)

    def _key(self, batch: Batch, name: str) -> tf.Tensor:
        """Return a seed that depends on the epoch and the batch's first example."""
        seed = derive_seed(self.seed, name)
        first = batch.positions[0] + seed
        return tf.stack([first, tf.cast(batch.epoch, tf.int64)])


def contrastive_loss(outputs: tf.Tensor, temperature: float) -> tf.Tensor:
    """Cross-entropy of finding the other view of each example, `(2n,)`.

    Args:
        outputs: projections of the first views and then of the second, `(2n, d)`.
        temperature: divides the cosine similarities.
    """
    unit = tf.math.l2_normalize(outputs, axis=1)
    similarity = tf.matmul(unit, unit, transpose_b=True) / temperature
    count = tf.shape(unit)[0]
    similarity -= 1e9 * tf.eye(count)  # an example is not its own pair
    pairs = (tf.range(count) + count // 2) % count
    return tf.nn.sparse_softmax_cross_entropy_with_logits(pairs, similarity)


def _dense(units: int, activated: bool, seed: int) -> keras.layers.Dense:
    return keras.layers.Dense(
        units,
        activation="relu" if activated else None,
        kernel_initializer=keras.initializers.GlorotUniform(seed),
        dtype="float32",
    )
