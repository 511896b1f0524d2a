"""One step of each layer that mixes the steps of a sequence.

In: a tf_keras layer, the present step, `(1, 1, features)`, and the layer's state. Out:
its output for this step, and the next state. A state begins with zeros, which is what
the layer itself assumes before the first step.

    layer                   state
    GRU, LSTM, SimpleRNN    that of its cell
    Conv1D, causal          the steps before this one that its kernel reads
    MultiHeadAttention,     keys and values of the steps before this one: at most those
    causal                  of a window
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
    layer = getattr(layer, "layer", layer)  # in a wrapper of tfmot
    kind = type(layer).__name__
    if kind in RECURRENT and layer.return_sequences and not layer.go_backwards:
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
    if kind in PER_STEP:
        return []
    raise UserError(
        f'layer "{layer.name}" ({kind}) reads steps that come later, or has no state'
    )


def apply(
    layer: Any, inputs: Sequence[Any], state: list[Any], present: Any, named: dict
) -> tuple[Any, list[Any]]:
    """Apply a layer to one step.

    Args:
        layer: of tf_keras.
        inputs: positional arguments; tensors `(1, 1, ...)`.
        state: tensors of the shapes of `state_shapes`.
        present: 1 for each step of a window that was read, 0 before the first,
            `(1, steps)`; the last is this step.
        named: keyword arguments of the layer's call.

    Returns:
        The output, and the next state.
    """
    if not state:
        return layer(*inputs, **named), []
    kind = type(layer).__name__
    if kind in RECURRENT:
        output, following = layer.cell(inputs[0][:, 0], list(state))
        return output[:, None], tf.nest.flatten(following)
    if kind == "Conv1D":
        return _convolve(layer, inputs[0], state[0])
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
