"""Losses of a ranking in TensorFlow's graph.

`bpr` compares the true item with items that the user has not taken (Rendle et al.,
BPR: Bayesian Personalized Ranking from Implicit Feedback, 2009). `sampled_softmax` is
the cross-entropy among the true item and a sample of the others, whose odds are scaled
to all of them (Jean et al., On Using Very Large Target Vocabulary for Neural Machine
Translation, 2015). `cross_entropy` compares all items.

Negatives are drawn uniformly, by a hash of the batch: equal batches draw equal ones, so
that training can be resumed, and a shuffled batch draws others.
"""

from __future__ import annotations

import math

import numpy as np
import tensorflow as tf

from pipeline.tasks.ranking.ranks import TOP
from pipeline.tasks.training import EpochMetric, TaskTraining

NEGATIVES = {"bpr": 16, "sampled_softmax": 128}
LOWEST = -1e9  # log odds of a negative that is none


def _rows(y: tf.Tensor) -> tf.Tensor:
    """Return targets as whole numbers; Keras may cast them to float."""
    return tf.cast(y, tf.int32)


def _taken(scores: tf.Tensor, numbers: tf.Tensor) -> tf.Tensor:
    return tf.gather(scores, numbers, batch_dims=1)


def _negatives(y: tf.Tensor, scores: tf.Tensor, name: str) -> tuple[tf.Tensor, ...]:
    """Draw items; return them `(batch, count)`, and whether each is a negative."""
    batch, items = tf.shape(y)[0], scores.shape[-1]
    count = min(NEGATIVES[name], items)
    weight = 1 + tf.range(batch)
    seed = tf.stack([tf.reduce_sum((y[:, 0] + 1) * weight), batch])
    drawn = tf.random.stateless_uniform((batch, count), seed, 0, items, tf.int32)
    return drawn, tf.reduce_all(drawn[:, :, None] != y[:, None, :], axis=-1)


def bpr(y: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Compute the loss of each example against its negatives, `(batch,)`.

    Args:
        y: targets as stored, `(batch, 1 + others)`.
        scores: of all items, `(batch, items)`.
    """
    y = _rows(y)
    drawn, is_negative = _negatives(y, scores, "bpr")
    counted = tf.cast(is_negative, scores.dtype)
    losses = tf.nn.softplus(_taken(scores, drawn) - _taken(scores, y[:, :1]))
    total = tf.maximum(tf.reduce_sum(counted, axis=1), 1)
    return tf.reduce_sum(losses * counted, axis=1) / total


def sampled_softmax(y: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Compute the cross-entropy among the true item and a sample, `(batch,)`.

    Args:
        y: targets as stored, `(batch, 1 + others)`.
        scores: of all items, `(batch, items)`.
    """
    y = _rows(y)
    drawn, is_negative = _negatives(y, scores, "sampled_softmax")
    scale = math.log((scores.shape[-1] - 1) / drawn.shape[1]) if drawn.shape[1] else 0
    odds = tf.where(is_negative, _taken(scores, drawn) + scale, LOWEST)
    true = _taken(scores, y[:, :1])
    return tf.reduce_logsumexp(tf.concat([true, odds], axis=1), axis=1) - true[:, 0]


def _cross_entropy(y: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    return tf.nn.sparse_softmax_cross_entropy_with_logits(_rows(y)[:, 0], scores)


def _evidence(y: tf.Tensor, scores: tf.Tensor) -> tf.Tensor:
    """Compute what `pipeline.tasks.ranking.ranks.ranks` does."""
    y = _rows(y)
    true, left_out = _taken(scores, y[:, :1]), y[:, 1:] >= 0
    others = _taken(scores, tf.maximum(y[:, 1:], 0))

    def count(flags: tf.Tensor) -> tf.Tensor:
        return tf.reduce_sum(tf.cast(flags, tf.float32), axis=1)

    higher = count(~(scores <= true)) - count(~(others <= true) & left_out)
    ties = count(scores == true) - 1 - count((others == true) & left_out)
    missing = tf.cast(tf.math.is_nan(true[:, 0]), tf.float32)
    return 1 + higher - missing + tf.maximum(ties, 0) / 2


def _gain(rank: tf.Tensor) -> tf.Tensor:
    """Compute what `pipeline.tasks.ranking.ranks.ndcg` does."""
    return tf.where(rank <= TOP, math.log(2) / tf.math.log(1 + rank), 0.0)


def _epoch_metric(y: np.ndarray) -> EpochMetric:
    return EpochMetric(counted=_gain)


def _distillation(scores: tf.Tensor, teacher: tf.Tensor) -> tf.Tensor:
    """Cross-entropy of the distribution over items with that of the teacher."""
    return tf.nn.softmax_cross_entropy_with_logits(tf.nn.softmax(teacher), scores)


TRAINING = TaskTraining(
    evidence=_evidence,
    epoch_metric=_epoch_metric,
    losses={
        "sampled_softmax": sampled_softmax,
        "bpr": bpr,
        "cross_entropy": _cross_entropy,
    },
    distillation=_distillation,
)
