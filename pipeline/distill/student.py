"""What a student makes small: the loss on true answers, and that of imitation.

In: a student and its teachers. Out: an objective of `pipeline.training.objective`. The
teachers run in inference mode and are no part of what is trained; validation is the
plain loss of the student alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from pipeline.distill import losses
from pipeline.distill.params import DistillParams, Hint
from pipeline.distill.teacher import Faculty, tapped
from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.training.batches import Batch
from pipeline.training.losses import Loss
from pipeline.training.objective import as_float
from pipeline.tasks.training import per_example


class Imitation:
    """An objective of both losses, and of hints.

    Args:
        student: its layers give the features that hints name.
        answers: the loss on the true answers, with smoothing and all.
        classes: whether outputs are logits; else they imitate by that loss, too.
        seed: of the projectors' first weights.
    """

    def __init__(
        self,
        student: keras.Model,
        faculty: Faculty,
        params: DistillParams,
        answers: Loss,
        seed: int,
        classes: bool = True,
    ):
        self.faculty, self.params, self.answers = faculty, params, answers
        self.classes = classes
        layers = [hint.student for hint in params.hints]
        self.tapped = tapped(student, layers, "student")
        self.guides = [
            Guide(hint, student, faculty.models[0], derive_seed(seed, "guide", at))
            for at, hint in enumerate(params.hints)
        ]
        self.variables: Sequence[keras.Variable] = [
            variable for guide in self.guides for variable in guide.variables
        ]

    def __call__(self, model: keras.Model, batch: Batch) -> tuple[tf.Tensor, tf.Tensor]:
        """Losses, `(batch,)`, and the student's logits."""
        told, shown = self.faculty(batch)
        mine = keras.tree.flatten(self.tapped(batch.x, training=True))
        logits, *features = map(as_float, mine)
        weight = between(self.params.weight, self.params.weight_end, batch.progress)
        true = per_example(self.answers(batch.y, logits))
        loss = (1 - weight) * true + weight * self._imitation(logits, told, batch)
        for guide, own, theirs in zip(self.guides, features, shown):
            loss += guide(own, theirs)
        return loss, logits

    def _imitation(
        self, logits: tf.Tensor, told: list[tf.Tensor], batch: Batch
    ) -> tf.Tensor:
        alike = self._of_classes if self.classes else self._of_numbers
        each = [alike(logits, one, batch) for one in told]
        return tf.add_n([w * one for w, one in zip(self.faculty.weights, each)])

    def _of_classes(
        self, logits: tf.Tensor, told: tf.Tensor, batch: Batch
    ) -> tf.Tensor:
        params = self.params
        heat = between(params.temperature, params.temperature_end, batch.progress)
        true = [_one_hot(batch.y, logits)] if params.imitation == "decoupled" else []
        return getattr(losses, params.imitation)(logits, told, heat, *true)

    def _of_numbers(
        self, outputs: tf.Tensor, told: tf.Tensor, batch: Batch
    ) -> tf.Tensor:
        """With the squared error it is as if the target were a weighted sum of the
        true answer and the teacher's."""
        return per_example(self.answers(told, outputs))


class Guide:
    """One hint: a loss on features, with a projector where widths differ in kind.

    The projector is one linear map of channels (Romero et al., 2015), learnt with
    the student and thrown away; maps of another size are averaged to the student's.
    """

    def __init__(
        self, hint: Hint, student: keras.Model, teacher: keras.Model, seed: int
    ):
        self.hint, self.projector = hint, None
        self.variables: Sequence[keras.Variable] = ()
        own = student.get_layer(hint.student).output.shape
        theirs = teacher.get_layer(hint.teacher).output.shape
        if hint.kind == "attention" and min(len(own), len(theirs)) < 3:
            raise UserError(
                f'distill.hints: layer "{hint.student}" gives {own[1:]} and '
                f'"{hint.teacher}" {theirs[1:]}: no places to attend to'
            )
        if hint.kind == "fitnets":
            draw = keras.initializers.GlorotUniform(seed)
            dense = keras.layers.Dense(theirs[-1], kernel_initializer=draw)
            dense.build(own)
            self.projector, self.variables = dense, dense.trainable_variables

    def __call__(self, own: tf.Tensor, theirs: tf.Tensor) -> tf.Tensor:
        """The hint's loss, `(batch,)`, times its weight."""
        if self.hint.kind == "relation":
            return self.hint.weight * losses.relation(own, theirs)
        theirs = _like(theirs, own)
        if self.hint.kind == "attention":
            return self.hint.weight * losses.attention(own, theirs)
        return self.hint.weight * losses.hint(self.projector(own), theirs)


def between(begin: float, end: float | None, progress: Any) -> Any:
    """A straight line from `begin` to `end`, or `begin` where there is no end."""
    return begin if end is None else begin + (end - begin) * progress


def _like(theirs: tf.Tensor, own: tf.Tensor) -> tf.Tensor:
    """The teacher's map in the size of the student's."""
    if len(own.shape) != 4 or own.shape[1:3] == theirs.shape[1:3]:
        return theirs
    return tf.image.resize(theirs, own.shape[1:3], "area")


def _one_hot(y: tf.Tensor, logits: tf.Tensor) -> tf.Tensor:
    if len(y.shape) == len(logits.shape):
        return y
    return tf.one_hot(tf.cast(y, tf.int32), logits.shape[-1])
