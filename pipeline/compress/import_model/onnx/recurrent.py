"""Rebuild recurrent layers, forward or bidirectional.

Hochreiter and Schmidhuber, Long Short-Term Memory, 1997; Cho et al., Learning Phrase
Representations using RNN Encoder-Decoder, 2014. ONNX has steps `(steps, batch,
features)`, and outputs `(steps, directions, batch, units)`.
"""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from pipeline.compress.import_model.onnx.builder import NodeBuilder, Rebuild
from pipeline.compress.import_model.onnx.values import (
    NO_AXIS,
    Value,
    plain,
    plain_order,
    reshaped,
)

# Order of the gates of Keras among those of ONNX.
GATES = {"LSTM": (0, 2, 3, 1), "GRU": (0, 1, 2), "RNN": (0,)}
ACTIVATIONS = {
    "LSTM": (["Sigmoid", "Tanh", "Tanh"],),
    "GRU": (["Sigmoid", "Tanh"],),
    "RNN": (["Tanh"], ["Relu"]),
}
LAYERS = {"LSTM": "LSTM", "GRU": "GRU", "RNN": "SimpleRNN"}
# Positions of inputs that must be left out, or be zeros.
LENGTHS, STATES, PEEPHOLES = 4, (5, 6), 7


def recurrent(build: NodeBuilder) -> tuple[Value | None, ...]:
    """LSTM, GRU or RNN: all steps, and the last state."""
    _check(build)
    value = plain(build.whole(), build.name)
    steps, batch, features = value.shape
    if batch != 1:
        build.refuse(f"the second axis of its input has {batch} elements, not one")
    sequence = reshaped(value.tensor, (steps, features), f"{build.name}_steps")
    units = build.kernel(2).shape[-1]
    sides = len(build.kernel(1))
    layer = _layer(build, units)
    weights = [array for side in range(sides) for array in _weights(build, side)]
    if sides == 2:
        layer = keras.layers.Bidirectional(layer, name=build.name)
    tensor = build.apply(layer, sequence, *weights)
    shape = (steps, sides, 1, units)
    order = (NO_AXIS, *plain_order(4))
    whole_steps = Value(reshaped(tensor, shape, f"{build.name}_sides"), order)
    return whole_steps, _last_state(build, tensor, sides)


def _check(build: NodeBuilder) -> None:
    kind, sides = build.node.kind, len(build.kernel(1))
    direction = build.attribute("direction", "forward")
    if direction not in ("forward", "bidirectional"):
        build.refuse(f"direction={direction} is not supported; forward is")
    allowed = [names * sides for names in ACTIVATIONS[kind]]
    if build.attribute("activations", allowed[0]) not in allowed:
        build.refuse("only its usual activations are supported")
    if build.attribute("layout", 0) or build.attribute("clip"):
        build.refuse("layout and clip are not supported")
    if build.attribute("input_forget", 0) or _given(build, PEEPHOLES):
        build.refuse("peepholes and coupled gates are not supported")
    for position in STATES[: 2 if kind == "LSTM" else 1]:
        if _given(build, position) and np.any(build.kernel(position)):
            build.refuse("its first state is not zero")
    if _given(build, LENGTHS):
        build.refuse("lengths of sequences are not supported; all have the same")


def _given(build: NodeBuilder, position: int) -> bool:
    inputs = build.node.inputs
    return position < len(inputs) and bool(inputs[position])


def _layer(build: NodeBuilder, units: int) -> Any:
    settings: dict[str, Any] = {"return_sequences": True, "name": build.name}
    kind = build.node.kind
    if kind == "GRU":
        settings["reset_after"] = bool(build.attribute("linear_before_reset", 0))
    if kind == "RNN":
        settings["activation"] = build.attribute("activations", ["Tanh"])[0].lower()
    return getattr(keras.layers, LAYERS[kind])(units, **settings)


def _weights(build: NodeBuilder, side: int) -> list[np.ndarray]:
    """Kernel, recurrent kernel and bias of Keras for one direction."""
    kernel, recurrent_kernel = (build.kernel(k)[side] for k in (1, 2))
    gates, count = GATES[build.node.kind], len(recurrent_kernel)
    bias = build.constant(3)
    both = np.zeros(2 * count, np.float32) if bias is None else bias[side]
    biases = np.stack([_ordered(half, gates) for half in np.split(both, 2)])
    if build.node.kind != "GRU" or not build.attribute("linear_before_reset", 0):
        biases = biases.sum(0)
    arrays = (_ordered(array, gates).T for array in (kernel, recurrent_kernel))
    return [*arrays, biases]


def _ordered(array: np.ndarray, gates: tuple[int, ...]) -> np.ndarray:
    """Rows of each gate in the order of Keras."""
    blocks = np.split(array, len(gates))
    return np.concatenate([blocks[gate] for gate in gates])


def _last_state(build: NodeBuilder, tensor: Any, sides: int) -> Value | None:
    """The state after the last step, `(directions, batch, units)`, if it is read."""
    outputs = build.node.outputs
    if len(outputs) < 2 or not build.graph.consumers(outputs[1]):
        if len(outputs) > 1 and outputs[1] == build.graph.target:
            build.refuse("its state is the output of the model; its steps can be")
        return None
    if sides == 2:
        build.refuse("the last state of both directions is read; only the steps can be")
    crop = keras.layers.Cropping1D((tensor.shape[1] - 1, 0), name=f"{build.name}_last")
    state = reshaped(crop(tensor), (1, 1, tensor.shape[-1]), f"{build.name}_state")
    return Value(state, (NO_AXIS, *plain_order(3)))


RECURRENT: dict[str, Rebuild] = dict.fromkeys(("LSTM", "GRU", "RNN"), recurrent)
