"""A Keras 3 layer inside a tf_keras model, for layers that tf_keras does not have.

In: a Keras 3 layer, such as a registered one of the user. Out: a tf_keras layer that
calls a copy of it. The copy's variables are trained with the model; techniques of
tfmot leave the layer out, and the exports write it in LiteRT's operators.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import keras
import tf_keras

from pipeline.core.errors import UserError
from pipeline.models.keras_archive import is_keras
from pipeline.models.user_objects import is_of_user


class KerasLayer(tf_keras.layers.Layer):
    """Calls a copy of a Keras 3 layer.

    Args:
        source: where the layer comes from.
        name: of the new layer.
    """

    def __init__(self, source: Source, name: str, **_: Any):
        super().__init__(name=name)
        layer = source.copy()
        self._source = lambda: source  # functions are not tracked as layers are
        self._layer = lambda: layer
        self._tracked = [variable.value for variable in _variables(layer)]

    @property
    def kind(self) -> str:
        """Class of the Keras 3 layer."""
        return type(self._layer()).__name__

    def inner_layers(self) -> list[keras.layers.Layer]:
        """Return the Keras 3 layer and those inside it."""
        return list(self._layer()._flatten_layers(include_self=True))

    def call(self, *inputs: Any, training: Any = None, **named: Any) -> Any:
        """Apply the layer to tensors."""
        layer = self._layer()
        if layer._call_has_training_arg:
            named["training"] = bool(training)
        return layer(*inputs, **named)

    def compute_mask(self, inputs: Any, mask: Any = None) -> Any:
        """Return no mask: the layer has used it."""
        return None

    def get_config(self) -> dict[str, Any]:
        """Return the arguments of the constructor, for copies in this process."""
        return {"name": self.name, "source": self._source()}


class Source:
    """A layer of a Keras 3 model, which copies share.

    Args:
        layer: a built layer that was called once in a functional model.
    """

    def __init__(self, layer: keras.layers.Layer):
        self.layer = layer

    def __deepcopy__(self, memo: dict[int, Any]) -> Source:
        """Return the same object: tf_keras copies configs, not models."""
        return self

    def copy(self) -> keras.layers.Layer:
        """Return a new layer with the same weights, built by a call like the source's.

        Raises:
            UserError: naming the layer that cannot be made from its config.
        """
        layer = self.layer
        try:
            copied = type(layer).from_config(layer.get_config())
            _unroll(copied)
            arguments = layer._inbound_nodes[0].arguments
            args, named = keras.tree.map_structure(
                _like, (arguments.args, arguments.kwargs)
            )
            copied(*args, **named)
            copied.set_weights(layer.get_weights())
        except (TypeError, ValueError, NotImplementedError) as error:
            raise UserError(
                f'layer "{layer.name}" ({type(layer).__name__}) cannot be made again '
                f"from its config: {str(error).strip().splitlines()[0]}; give the "
                "class a get_config with every argument of its constructor"
            ) from error
        return copied


def is_foreign(layer: keras.layers.Layer) -> bool:
    """Return whether a layer, or what it holds, has code of the user.

    Args:
        layer: of Keras 3.
    """
    inner = layer._flatten_layers(include_self=True)
    if any(is_of_user(type(part)) for part in inner):
        return True
    if isinstance(layer, keras.Model):
        return False
    return not all(map(is_keras, _objects(layer.get_config())))


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Serialized objects inside a config."""
    if isinstance(value, dict):
        if "class_name" in value and "module" in value:
            yield value
        value = list(value.values())
    for item in value if isinstance(value, list | tuple) else ():
        yield from _objects(item)


def kind_of(layer: Any) -> str:
    """Return the class of a tf_keras layer; that of the Keras 3 layer inside it.

    Args:
        layer: a layer as the bridge makes it.
    """
    return layer.kind if isinstance(layer, KerasLayer) else type(layer).__name__


def _unroll(layer: keras.layers.Layer) -> None:
    """Unroll recurrent layers, whose loops the converter's int8 pass cannot write."""
    for inner in layer._flatten_layers(include_self=True):
        if isinstance(inner, keras.layers.RNN):
            inner.unroll = True


def _like(value: Any) -> Any:
    """Return a new symbolic tensor of the same shape; another value unchanged."""
    if isinstance(value, keras.KerasTensor):
        return keras.Input(batch_shape=value.shape, dtype=value.dtype)
    return value


def _variables(layer: keras.layers.Layer) -> list[Any]:
    """Trainable weights first, as tf_keras lists them; no states of random numbers."""
    return [*layer.trainable_weights, *layer.non_trainable_weights]
