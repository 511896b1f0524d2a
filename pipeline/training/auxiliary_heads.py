"""Auxiliary heads on a shared body, with a weighted sum of losses.

In: a model whose last layer is dense, and extra targets of the same examples. Out: the
model with a dense head for each of them, an objective for `pipeline.training.loop.fit`,
and a metric per head. Caruana, Multitask Learning, 1997: extra targets shape the
features that the main head uses.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.data.artifact import Split
from pipeline.data.spec import TaskSpec
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import AUXILIARY
from pipeline.tasks.training import per_example, target_of
from pipeline.training.batches import Batch
from pipeline.training.losses import Loss, example_losses
from pipeline.training.objective import as_float
from pipeline.training.params import FitSettings

BATCH = 512  # examples per inference call


@dataclass(frozen=True)
class AuxiliaryHead:
    """An extra target and its weight.

    Args:
        name: of the target.
        spec: signature of the data with this target in the place of the main one.
        weight: of its loss; the main loss has 1.
        train, validation: class numbers or standardized numbers, `(n,)`.
    """

    name: str
    spec: TaskSpec
    weight: float
    train: np.ndarray
    validation: np.ndarray

    @property
    def column(self) -> str:
        """The column in history.csv, such as `val_speaker_accuracy`."""
        return column_of(self.name, self.spec)

    @property
    def units(self) -> int:
        """The number of outputs: a logit per class, or one number."""
        return len(self.spec.classes) or 1


def column_of(name: str, spec: TaskSpec) -> str:
    """Return the column of a target in history.csv.

    Args:
        name: of the target.
        spec: its signature, from `spec_of`.
    """
    return f"val_{name}_{metric_of(spec).key}"


def spec_of(target: Mapping[str, Any], spec: TaskSpec) -> TaskSpec:
    """Return the signature with an extra target in the place of the main one.

    Args:
        target: entry of `also` in spec.json.
        spec: signature of the data.
    """
    number = target["kind"] == "number"
    return replace(
        spec,
        task=AUXILIARY[target["kind"]],
        classes=tuple(target["classes"]),
        target={key: target[key] for key in ("name", "mean", "deviation")}
        if number
        else {},
        also=(),
    )


def with_heads(
    model: keras.Model, heads: Sequence[AuxiliaryHead], seed: int
) -> keras.Model:
    """Return the model with auxiliary outputs after its own; weights are shared.

    Args:
        model: a functional model that ends in a dense layer.
        heads: the heads to add.
        seed: of the initial weights of the heads.

    Raises:
        UserError: if the model does not end in a dense layer on flat features.
    """
    last = model.output._keras_history.operation
    if not isinstance(last, keras.layers.Dense) or len(last.input.shape) != 2:
        raise UserError(
            f'train.heads: {model.name} ends in "{last.name}", a '
            f"{type(last).__name__}; heads need a model that ends in a dense layer on "
            'flat features, such as "logits"'
        )
    outputs = [
        _dense(head, number, seed)(last.input) for number, head in enumerate(heads)
    ]
    return keras.Model(model.inputs, [model.output, *outputs], name=model.name)


def _dense(head: AuxiliaryHead, number: int, seed: int) -> keras.layers.Dense:
    plain = re.sub(r"[^A-Za-z0-9_]", "_", head.name)
    initializer = keras.initializers.GlorotUniform(derive_seed(seed, "head", head.name))
    return keras.layers.Dense(
        head.units,
        kernel_initializer=initializer,
        dtype="float32",
        name=f"head{number}_{plain}",
    )


class MultiHeadObjective:
    """The main loss plus the loss of each head times its weight.

    Args:
        heads: the auxiliary heads, in the order of the model's outputs.
        main: loss of the main head.
    """

    variables: Sequence[keras.Variable] = ()

    def __init__(self, heads: Sequence[AuxiliaryHead], main: Loss):
        settings = FitSettings()
        self.heads, self.main = heads, main
        self.losses = [example_losses(settings, head.spec) for head in heads]
        self.targets = [tf.constant(head.train) for head in heads]

    def __call__(self, model: keras.Model, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Compute losses, `(batch,)`, and the logits of the main head."""
        logits, *auxiliary = map(as_float, model(batch.x, training=True))
        total = per_example(self.main(batch.y, logits))
        for head, loss, y, out in zip(self.heads, self.losses, self.targets, auxiliary):
            target = target_of(tf.gather(y, batch.positions), batch.x, head.spec)
            total += head.weight * per_example(loss(target, out))
        return total, logits


class HeadMetrics:
    """Computes the metric of each head on the validation split, in inference mode.

    Args:
        model: the model with all heads.
        heads: the auxiliary heads, in the order of the model's outputs.
        split: the validation split.
    """

    def __init__(
        self, model: keras.Model, heads: Sequence[AuxiliaryHead], split: Split
    ):
        self.model, self.heads, self.split = model, heads, split

    def __call__(self) -> dict[str, float]:
        """Return column -> metric of that target."""
        if not self.heads:
            return {}
        begins = range(0, len(self.split), BATCH)
        batches = [self._outputs(begin) for begin in begins]
        _, *outputs = (np.concatenate(parts) for parts in zip(*batches))
        return {
            head.column: metric_of(head.spec).of(out, out, head.validation)
            for head, out in zip(self.heads, outputs)
        }

    def _outputs(self, begin: int) -> list[np.ndarray]:
        spec = self.heads[0].spec
        x = tf.constant(spec.to_input(self.split.x[begin : begin + BATCH]))
        return [np.asarray(output) for output in self._infer(x)]

    @tf.function(autograph=False, reduce_retracing=True)
    def _infer(self, x: tf.Tensor) -> list[tf.Tensor]:
        return [as_float(output) for output in self.model(x, training=False)]
