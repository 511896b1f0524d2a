"""Export a model of sequences as a file that reads one step at a time.

In: a tf_keras model of tokens, `(1, steps)` to `(1, steps, outputs)`, or of frames,
`(1, steps, ...)` to `(1, outputs)`, and calibration windows. Out: the bytes of a file
with the inputs `token`, `(1, 1)`, or `frame`, `(1, 1, ...)`, and `state_0`, ..., and
the outputs `logits`, `(1, 1, outputs)`, and `next_0`, ... A caller gives each `next`
back as the `state` of the next step; states begin with zeros.

From the first step to the last of a window, its outputs are those of the model; those
of a model of frames after the last. After that, a cache of attention and a running mean
forget the earliest step, while recurrent layers do not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import tensorflow as tf

from pipeline.compress.stateful.layers import Shape, apply, state_shapes
from pipeline.compress.tflite.converter import kind_settings, written
from pipeline.compress.tflite.int4 import to_int4
from pipeline.compress.tflite.verify import INTEGER_IO
from pipeline.core.errors import UserError

TOKEN, FRAME, LOGITS = "token", "frame", "logits"
CALIBRATED = 8  # windows of tokens, each of as many examples as it has steps
RANK = 3  # of `(batch, steps, outputs)`


def export_stateful(model: Any, kind: str, calibration: np.ndarray) -> bytes:
    """Convert a model.

    Args:
        model: tokens `(batch, steps)` to `(batch, steps, outputs)`, or frames
            `(batch, steps, ...)` to `(batch, outputs)`.
        kind: an export step of the recipe grammar.
        calibration: windows of tokens or frames, `(n, steps, ...)`.

    Returns:
        The content of the file.

    Raises:
        UserError: for a layer that has no state, or where the converter fails.
    """
    stepper = Stepper(model)
    if kind == "int4":
        return to_int4(_converted(stepper, "float", calibration))
    return _converted(stepper, kind, calibration)


class Stepper:
    """One step of a model as a function of a token or frame and states.

    Args:
        model: see `export_stateful`.

    Attributes:
        input: name, shape and dtype of the input.
        shapes: of the states; the last one, of the steps that were read, is there only
            where a layer has a cache.
    """

    def __init__(self, model: Any):
        tensor = model.inputs[0]
        self.model, self.steps = model, int(tensor.shape[1])
        name = TOKEN if tensor.dtype.is_integer else FRAME
        self.input = tf.TensorSpec((1, 1, *tensor.shape[2:]), tensor.dtype, name)
        self.nodes = [
            node
            for depth in sorted(model._nodes_by_depth, reverse=True)
            for node in model._nodes_by_depth[depth]
            if not node.is_input
        ]
        each = [state_shapes(node.layer, node, self.steps) for node in self.nodes]
        self.counts = [len(shapes) for shapes in each]
        self.shapes: list[Shape] = [shape for shapes in each for shape in shapes]
        self.caches = any(_caches(node.layer) for node in self.nodes)
        if self.caches:
            self.shapes.append((1, self.steps - 1))

    def __call__(self, token: Any, states: list[Any]) -> tuple[Any, list[Any]]:
        """Return logits `(1, 1, outputs)` and the next states.

        Args:
            token: int32 `(1, 1)`, or a frame, float32 `(1, 1, ...)`.
            states: tensors of `shapes`.
        """
        present = None
        if self.caches:
            present = tf.concat([states[-1], tf.ones((1, 1))], axis=1)
        values = {id(self.model.inputs[0]): token}
        following, rest = [], list(states)
        for node, count in zip(self.nodes, self.counts):
            state, rest = rest[:count], rest[count:]
            arguments, named = _arguments(node, values)
            output, new = apply(node.layer, arguments, state, present, named)
            values[id(node.outputs)] = output
            following += new
        if present is not None:
            following.append(present[:, 1:])
        logits = values[id(self.model.outputs[0])]
        return logits if len(logits.shape) == RANK else logits[:, None], following

    def zeros(self) -> list[np.ndarray]:
        """Return the states before the first step."""
        return [np.zeros(shape, np.float32) for shape in self.shapes]


def _caches(layer: Any) -> bool:
    return type(layer).__name__ == "MultiHeadAttention"


def _arguments(node: Any, values: dict[int, Any]) -> tuple[list[Any], dict[str, Any]]:
    """Values of a call's arguments; masks of causality are what states stand for."""

    def value(argument: Any) -> Any:
        return values.get(id(argument), argument)

    arguments = tf.nest.map_structure(value, list(node.call_args))
    named = {key: value(item) for key, item in node.call_kwargs.items()}
    return arguments, {k: v for k, v in named.items() if k != "use_causal_mask"}


def _converted(stepper: Stepper, kind: str, calibration: np.ndarray) -> bytes:
    specs = [stepper.input]
    specs += [
        tf.TensorSpec(shape, tf.float32, f"state_{number}")
        for number, shape in enumerate(stepper.shapes)
    ]

    @tf.function(input_signature=specs, autograph=False)
    def step(token: Any, *states: Any) -> dict[str, Any]:
        logits, following = stepper(token, list(states))
        named = {f"next_{number}": state for number, state in enumerate(following)}
        return {LOGITS: logits, **named}

    function = step.get_concrete_function()
    holder = tf.Module()
    holder.variables_of_the_function = list(function.variables)
    converter = tf.lite.TFLiteConverter.from_concrete_functions([function], holder)
    converter.exclude_conversion_metadata = True
    kind_settings(converter, kind, calibration)
    if kind in INTEGER_IO:
        converter.representative_dataset = lambda: _examples(
            function, stepper, calibration
        )
    return written(converter, stepper.model.name, kind)


def _examples(
    function: Any, stepper: Stepper, calibration: np.ndarray
) -> Iterator[dict[str, np.ndarray]]:
    """Yield tokens with the states that the steps before them lead to.

    By their names, because a signature sorts its inputs.
    """
    count, dtype = len(stepper.shapes), stepper.input.dtype.as_numpy_dtype
    for window in _calibrating(stepper, calibration):
        states = stepper.zeros()
        for token in window:
            inputs = [np.array(token, dtype)[None, None], *states]
            named = {f"state_{number}": state for number, state in enumerate(states)}
            yield {stepper.input.name: inputs[0], **named}
            result = function(*map(tf.constant, inputs))
            states = [result[f"next_{number}"].numpy() for number in range(count)]


def _calibrating(stepper: Stepper, calibration: np.ndarray) -> np.ndarray:
    """Choose windows: of frames those in which a layer's output is most extreme.

    Ranges are then those of all windows, and the file rounds as that of whole windows.
    """
    if stepper.input.name == TOKEN:
        return calibration[:CALIBRATED]
    model = stepper.model
    tensors = [model.inputs[0], *(node.outputs for node in stepper.nodes)]
    extremes = type(model)(model.inputs, [_ends(tensor) for tensor in tensors])
    chosen = set()
    for ends in extremes.predict(calibration, verbose=0):
        chosen |= {int(ends[:, 0].argmin()), int(ends[:, 1].argmax())}
    return calibration[sorted(chosen)]


def _ends(tensor: Any) -> Any:
    """Minimum and maximum per example, `(batch, 2)`."""
    axes = tuple(range(1, len(tensor.shape)))
    ends = (tf.reduce_min(tensor, axes), tf.reduce_max(tensor, axes))
    return tf.stack(ends, axis=-1)


def unsupported(model: Any) -> str | None:
    """Return why a model has no file that reads step by step; None if it has one.

    Args:
        model: of tf_keras.
    """
    try:
        Stepper(model)
    except UserError as error:
        return str(error)
    return None
