"""A model whose layers compute with transformed kernels.

    wrapped = TransformedModel(model, {kernel: Masked(mask)})

In: any built Keras 3 model, and a transform per kernel. Out: a model with the same
inputs and outputs, for `pipeline.training.loop.fit`. The layers are not changed: Keras
reads each kernel's value from a `StatelessScope`, which holds the transformed tensor.
Recurrent cells, attention, nested models and layers of the user's own need no code
here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import tensorflow as tf

from pipeline.compress.native.transforms import KernelTransform

Pairs = Sequence[tuple[keras.Variable, KernelTransform]]


class TransformedModel(keras.Model):
    """A model that is called with transformed kernels.

    Args:
        inner: built functional model; it is trained in place.
        pairs: kernels and their transforms.
    """

    def __init__(self, inner: keras.Model, pairs: Pairs):
        super().__init__(name=inner.name)
        self.inner = inner
        self.transforms = [transform for _, transform in pairs]
        self.kernels = tuple(variable for variable, _ in pairs)
        self.built = True
        _name_generators(inner)

    @property
    def output_shape(self) -> tuple[int | None, ...]:
        """The shape of the output, with a batch axis of None."""
        return tuple(self.inner.output_shape)

    def call(self, x: Any, training: bool = False) -> tf.Tensor:
        """Return the outputs; statistics and random states of layers are updated."""
        with keras.StatelessScope(self._mapping(), collect_losses=True) as scope:
            outputs = self.inner(x, training=training)
            losses = list(scope.losses)
            updates = self._updates(scope) if training else []
        for variable, value in updates:
            variable.assign(value)
        self.add_loss(losses)
        return outputs

    def bake(self) -> None:
        """Write the transformed kernels into the inner model."""
        for variable, value in self._mapping():
            variable.assign(value)

    def _mapping(self) -> list[tuple[keras.Variable, tf.Tensor]]:
        pairs = zip(self.kernels, self.transforms)
        return [(v, transform(tf.convert_to_tensor(v))) for v, transform in pairs]

    def _updates(self, scope: Any) -> list[tuple[keras.Variable, Any]]:
        """Return the assignments of the inner model, which the scope has recorded."""
        own = {id(variable) for variable in self.kernels}
        values = [
            (variable, scope.get_current_value(variable))
            for variable in self.inner.non_trainable_variables
            if id(variable) not in own
        ]
        return [(variable, value) for variable, value in values if value is not None]


def _name_generators(model: keras.Model) -> None:
    """Name the random generators after their layers.

    Keras numbers them through the process, and `fit` derives their seeds from the
    names: the same model would draw other numbers when it is built again.
    """
    for layer in model._flatten_layers(include_self=False):
        for number, generator in enumerate(layer._seed_generators):
            generator.state._path = f"{layer.name}/generator{number}/state"
