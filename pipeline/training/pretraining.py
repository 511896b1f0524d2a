"""Pretraining of an encoder by a pretext task, with the loop of every fit.

In: the encoder of a model, a pretext task, and splits whose labels are ignored. Out:
the encoder with the weights of its best epoch, and the history. It is checkpointed
and resumed as a fit is.
"""

from __future__ import annotations

from dataclasses import replace

import keras
import tensorflow as tf

from pipeline.core.errors import UserError
from pipeline.metrics.metric import Metric
from pipeline.tasks.training import TrainingMetric
from pipeline.training.batches import BatchSource
from pipeline.training.checkpointing import CheckpointManager
from pipeline.training.context import FitContext, FitData
from pipeline.training.epoch import FitSetup
from pipeline.training.history import History
from pipeline.training.loop import FitRun
from pipeline.training.params import FitSettings
from pipeline.training.pretext import Pretext
from pipeline.training.throughput import ThroughputMeter

METRIC = Metric("pretext", "pretraining loss", higher_is_better=False)


def encoder_of(model: keras.Model) -> keras.Model:
    """Return the model without its last layer; the weights are shared.

    Args:
        model: a functional model that ends in a dense layer on flat features.

    Raises:
        UserError: if it ends in another layer.
    """
    last = model.output._keras_history.operation
    if not isinstance(last, keras.layers.Dense) or len(last.input.shape) != 2:
        raise UserError(
            f'train.pretrain: {model.name} ends in "{last.name}", a '
            f"{type(last).__name__}; pretraining needs a model that ends in a dense "
            'layer on flat features, such as "logits"; remove it, or choose another '
            "builder"
        )
    return keras.Model(model.inputs, last.input, name=f"{model.name}_encoder")


def pretrain(
    encoder: keras.Model,
    pretext: Pretext,
    data: FitData,
    settings: FitSettings,
    context: FitContext,
) -> History:
    """Train the encoder, and restore the weights with the lowest validation loss.

    Args:
        encoder: changed in place.
        pretext: the objective, which augments or corrupts the examples itself.
        data: the splits; their targets are ignored.
        settings: epochs, optimizer, schedule.
        context: seed, checkpoint folder, reporting.

    Returns:
        The records of all epochs, and the best one.

    Raises:
        StageFailed: if the loss is not finite.
    """
    train, held_out = (
        BatchSource(
            replace(split, class_weights=None),
            data.spec,
            settings.batch_size,
            context.seed,
        )
        for split in (data.train, data.validation)
    )
    speed = {} if context.speed is None else context.speed
    run = FitRun(
        setup=FitSetup(encoder, pretext, _metric(), train, settings),
        validator=PretextValidator(encoder, pretext, held_out),
        context=context,
        callbacks=keras.callbacks.CallbackList([], model=encoder),
        checkpoints=CheckpointManager(
            context.checkpoint_folder, encoder, settings, context.seed
        ),
        meter=ThroughputMeter(settings, train, speed),
    )
    return run.run()


class PretextValidator:
    """Computes the mean loss over the validation split, with draws that stay the same.

    Args:
        encoder: the encoder.
        pretext: the objective.
        source: batches of the validation split.
    """

    def __init__(self, encoder: keras.Model, pretext: Pretext, source: BatchSource):
        self.encoder, self.pretext, self.source = encoder, pretext, source

    def __call__(self) -> dict[str, float]:
        """Return the loss, as `val_pretext` and as `val_loss`."""
        rows = self.source.order(tf.constant(0, tf.int64))
        loss = sum(float(self._loss(positions)) for positions in rows) / len(rows)
        return {f"val_{METRIC.key}": loss, "val_loss": loss}

    @tf.function(autograph=False)
    def _loss(self, positions: tf.Tensor) -> tf.Tensor:
        batch = self.source.batch(tf.constant(0, tf.int64), positions)
        return tf.reduce_mean(self.pretext.losses(self.encoder, batch, False)[0])


def _metric() -> TrainingMetric:
    """Return a metric without evidence: the loss is all that is recorded."""
    return TrainingMetric(METRIC, lambda y, outputs: outputs, lambda rows, y: 0.0, None)
