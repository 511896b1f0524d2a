"""One step of each layer that mixes the steps of a sequence.

In: a tf_keras layer, the present step, `(1, 1, features)`, and the layer's state. Out:
its output for this step, and the next state. A state begins with zeros, which is what
the layer itself assumes before the first step.

    layer                   state
    GRU, LSTM, SimpleRNN    that of its cell
    Conv1D, causal          the steps before this one that its kernel reads
    MultiHeadAttention,     keys and values of the steps before this one: at most those
    causal                  of a window
    GlobalAveragePooling1D  the steps before this one of a window: a running mean, which
                            equals that of the layer at the last step of a first window

These tables decide which models are causal; a builder declares nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import tensorflow as tf

from pipeline.core.errors import UserError

RECURRENT = ("GRU", "LSTM", "SimpleRNN")
# Layers that treat each step alike.
PER_STEP = frozenset(
    [
        *("Activation", "Add", "BatchNormalization", "Concatenate", "Dense", "Dropout"),
        *("Embedding", "LayerNormalization", "LeakyReLU", "Multiply", "ReLU"),
        *("Rescaling", "Softmax", "SpatialDropout1D", "Subtract"),
        "FixedRange",
    ]
)
# What a step that is not there adds to its score: little enough for a scale of int8.
MASKED = -30.0
Shape = tuple[int, ...]


def state_shapes(layer: Any, node: Any, steps: int) -> list[Shape]:
    """Return the shapes of a layer's state; none for a layer that needs none.

    Args:
        layer: of tf_keras.
        node: the layer's call in the graph.
        steps: length of the window.

    Raises:
        UserError: for a layer that mixes steps in a way that no state stands for.
    """
    wrapped = hasattr(layer, "layer")  # in a wrapper of tfmot
    layer = getattr(layer, "layer", layer)
    kind = type(layer).__name__
    if kind in PER_STEP or _keeps_steps(layer, node, steps):
        return []
    shapes = _shapes(layer, node, steps)
    if shapes is None or (wrapped and shapes):
        raise UserError(
            f'layer "{layer.name}" ({kind}) reads steps that come later, or has no '
            "state"
        )
    return shapes


def _shapes(layer: Any, node: Any, steps: int) -> list[Shape] | None:
    """Shapes of the state of a layer that mixes steps; None for one without."""
    kind = type(layer).__name__
    if kind in RECURRENT and not layer.go_backwards:
        sizes = layer.cell.state_size
        return [(1, size) for size in (sizes if isinstance(sizes, list) else [sizes])]
    if kind == "Conv1D" and (layer.padding == "causal" or layer.kernel_size == (1,)):
        reach = (layer.kernel_size[0] - 1) * layer.dilation_rate[0]
        plain = layer.strides == (1,) and layer.groups == 1
        if plain:
            return [(1, reach, layer.kernel.shape[1])] if reach else []
    if kind == "MultiHeadAttention" and node.call_kwargs.get("use_causal_mask"):
        shape = (1, steps - 1, layer._num_heads)
        return [(*shape, layer._key_dim), (*shape, layer._value_dim or layer._key_dim)]
    if kind == "GlobalAveragePooling1D" and _read(node)[1] == steps > 1:
        return [(1, steps - 1, _read(node)[-1])]
    return None


def _read(node: Any) -> Shape:
    """Shape of the only input of a call, with the batch first."""
    return tuple(node.keras_inputs[0].shape)


def _keeps_steps(layer: Any, node: Any, steps: int) -> bool:
    """True for a Reshape of the features of each step."""
    if type(layer).__name__ != "Reshape":
        return False
    shape = _read(node)
    return len(shape) > 2 and shape[1] == steps == layer.target_shape[0]


def apply(
    layer: Any, inputs: Sequence[Any], state: list[Any], present: Any, named: dict
) -> tuple[Any, list[Any]]:
    """Apply a layer to one step.

    Args:
        layer: of tf_keras.
        inputs: positional arguments; tensors `(1, 1, ...)`, or `(1, features)` after
            a layer that ends the sequence.
        state: tensors of the shapes of `state_shapes`.
        present: 1 for each step of a window that was read, 0 before the first,
            `(1, steps)`; the last is this step.
        named: keyword arguments of the layer's call.

    Returns:
        The output, and the next state.
    """
    kind = type(layer).__name__
    if kind == "Reshape":
        return tf.reshape(inputs[0], (1, 1, *layer.target_shape[1:])), []
    if not state:
        return layer(*inputs, **named), []
    if kind in RECURRENT:
        output, following = layer.cell(inputs[0][:, 0], list(state))
        output = output[:, None] if layer.return_sequences else output
        return output, tf.nest.flatten(following)
    if kind == "Conv1D":
        return _convolve(layer, inputs[0], state[0])
    if kind == "GlobalAveragePooling1D":
        window = tf.concat([state[0], inputs[0]], axis=1)
        return tf.reduce_mean(window, axis=1), [window[:, 1:]]
    return _attend(layer, inputs[0], state, present)


def _convolve(layer: Any, x: Any, before: Any) -> tuple[Any, list[Any]]:
    read = tf.concat([before, x], axis=1)
    dilation = layer.dilation_rate[0]
    y = tf.nn.conv1d(read, layer.kernel, 1, "VALID", dilations=dilation)
    y = tf.nn.bias_add(y, layer.bias) if layer.use_bias else y
    return layer.activation(y), [read[:, 1:]]


def _attend(
    layer: Any, x: Any, state: Sequence[Any], present: Any
) -> tuple[Any, list[Any]]:
    """Attend to the cached steps and to this one."""
    query = layer._query_dense(x) * (1.0 / float(layer._key_dim) ** 0.5)
    keys = tf.concat([state[0], layer._key_dense(x)], axis=1)
    values = tf.concat([state[1], layer._value_dense(x)], axis=1)
    scores = tf.einsum("bqhd,bkhd->bhqk", query, keys)
    scores += (1.0 - present[:, None, None]) * MASKED
    weights = tf.nn.softmax(scores)
    mixed = tf.einsum("bhqk,bkhd->bqhd", weights, values)
    return layer._output_dense(mixed), [keys[:, 1:], values[:, 1:]]
