"""Several heads on one body, with a weighted sum of losses.

Caruana, Multitask Learning, 1997: further targets of the same examples shape the
features that the main head reads. In: a model whose last layer is dense, and further
targets. Out: the same model with a dense head for each of them, an objective for
`pipeline.fit.loop.fit`, and a measure of each head.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from pipeline.data.artifact import Split
from pipeline.data.measure import measure_of
from pipeline.data.spec import TaskSpec
from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.fit.batches import Batch, target_of
from pipeline.fit.losses import Loss, example_losses
from pipeline.fit.objective import as_float, per_example
from pipeline.fit.params import FitSettings

ASKED = 512  # examples at once


@dataclass(frozen=True)
class Head:
    """One further target.

    Args:
        spec: of the data as if this were their target.
        weight: of its loss; the main one has 1.
        train, validation: class numbers, or standardised numbers, `(n,)`.
    """

    name: str
    spec: TaskSpec
    weight: float
    train: np.ndarray
    validation: np.ndarray

    @property
    def column(self) -> str:
        """Of history.csv, such as `val_speaker_accuracy`."""
        return column_of(self.name, self.spec)

    @property
    def units(self) -> int:
        """Outputs: a logit for each class, or one number."""
        return len(self.spec.classes) or 1


def column_of(name: str, spec: TaskSpec) -> str:
    """The column of a target in history.csv; `spec` as `spec_of` gives it."""
    return f"val_{name}_{measure_of(spec).key}"


def spec_of(target: Mapping[str, Any], spec: TaskSpec) -> TaskSpec:
    """The signature with a further target, as spec.json has it, in the main's place."""
    number = target["kind"] == "number"
    return replace(
        spec,
        task="regression" if number else "classification",
        classes=tuple(target["classes"]),
        target={key: target[key] for key in ("name", "mean", "deviation")}
        if number
        else {},
        also=(),
    )


def with_heads(model: keras.Model, heads: Sequence[Head], seed: int) -> keras.Model:
    """The model with further outputs, its own first; layers and weights are shared.

    Raises:
        UserError: when it does not end in a dense layer of flat features.
    """
    last = model.output._keras_history.operation
    if not isinstance(last, keras.layers.Dense) or len(last.input.shape) != 2:
        raise UserError(
            f'train.heads: {model.name} ends in "{last.name}", a '
            f"{type(last).__name__}; heads stand beside a last dense layer, such as "
            '"logits", on the features before it'
        )
    outputs = [_dense(head, at, seed)(last.input) for at, head in enumerate(heads)]
    return keras.Model(model.inputs, [model.output, *outputs], name=model.name)


def _dense(head: Head, number: int, seed: int) -> keras.layers.Dense:
    plain = re.sub(r"[^A-Za-z0-9_]", "_", head.name)
    draw = keras.initializers.GlorotUniform(derive_seed(seed, "head", head.name))
    name = f"head{number}_{plain}"
    return keras.layers.Dense(
        head.units, kernel_initializer=draw, dtype="float32", name=name
    )


class Heads:
    """An objective: the main loss, and each head's times its weight.

    Args:
        main: the loss of the main head.
    """

    variables: Sequence[keras.Variable] = ()

    def __init__(self, heads: Sequence[Head], main: Loss):
        self.heads, self.main = heads, main
        self.losses = [example_losses(FitSettings(), head.spec) for head in heads]
        self.answers = [tf.constant(head.train) for head in heads]

    def __call__(self, model: keras.Model, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Losses, `(batch,)`, and the main head's logits."""
        logits, *further = map(as_float, model(batch.x, training=True))
        total = per_example(self.main(batch.y, logits))
        for head, loss, y, out in zip(self.heads, self.losses, self.answers, further):
            wanted = target_of(tf.gather(y, batch.at), batch.x, head.spec)
            total += head.weight * per_example(loss(wanted, out))
        return total, logits


class Measured:
    """How good each further head is on validation, in inference mode."""

    def __init__(self, model: keras.Model, heads: Sequence[Head], split: Split):
        self.model, self.heads, self.split = model, heads, split

    def __call__(self) -> dict[str, float]:
        """Column -> accuracy, or R2 of a number."""
        if not self.heads:
            return {}
        told = [self._outputs(at) for at in range(0, len(self.split), ASKED)]
        _, *further = (np.concatenate(parts) for parts in zip(*told))
        return {
            head.column: measure_of(head.spec).of(out, out, head.validation)
            for head, out in zip(self.heads, further)
        }

    def _outputs(self, at: int) -> list[np.ndarray]:
        spec = self.heads[0].spec
        x = tf.constant(spec.to_input(self.split.x[at : at + ASKED]))
        return [np.asarray(out) for out in self._answer(x)]

    @tf.function(autograph=False, reduce_retracing=True)
    def _answer(self, x: tf.Tensor) -> list[tf.Tensor]:
        return [as_float(out) for out in self.model(x, training=False)]
