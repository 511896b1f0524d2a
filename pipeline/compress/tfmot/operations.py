"""Convert one operation of a Keras 3 graph outside its layers to tf_keras layers.

In: an operation such as `x / 127.5 - 1`, `keras.ops.relu(x)` or the steps of
`preprocess_input`. Out: a function of tf_keras tensors that applies layers, so that a
model of layers remains, which tfmot and the converter accept.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf
import tf_keras

from pipeline.core.errors import UserError

Function = Callable[..., Any]
# Operations between two tensors -> layers of the same name.
MERGES = ("Add", "Subtract", "Multiply", "Maximum", "Minimum")
# Operation with a constant c, and True where c is the first operand -> scale and
# offset of a Rescaling: arithmetic with constants in any order.
AFFINE: dict[tuple[str, bool], Callable[[Any], tuple[Any, Any]]] = {
    ("Add", False): lambda c: (1.0, c),
    ("Add", True): lambda c: (1.0, c),
    ("Subtract", False): lambda c: (1.0, -c),
    ("Subtract", True): lambda c: (-1.0, c),
    ("Multiply", False): lambda c: (c, 0.0),
    ("Multiply", True): lambda c: (c, 0.0),
    ("Divide", False): lambda c: (1 / c, 0.0),
    ("TrueDivide", False): lambda c: (1 / c, 0.0),
}
# Operations of one tensor -> activations of tf_keras that compute the same.
ACTIVATIONS = {
    "Relu": "relu",
    "Relu6": "relu6",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Silu": "swish",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Selu": "selu",
    "Exp": "exponential",
}
# Operations that compute masks in a Keras 3 graph; tf_keras propagates masks itself.
MASKING = ("NotEqual", "Any")


class MatrixProduct(tf_keras.layers.Layer):
    """The product of two tensors, over their last two axes, as in attention."""

    def call(self, inputs: Any) -> Any:
        """Multiply `(..., n, k)` by `(..., k, m)`."""
        return tf.matmul(*inputs)


class Channel:
    """One channel of an image, until channels are stacked again.

    Args:
        image: `(batch, height, width, channels)`.
        number: of the channel.
    """

    def __init__(self, image: Any, number: int):
        self.image, self.number = image, number


def to_function(operation: Any, name: str) -> Function:
    """Make a function of tf_keras tensors that computes the same as an operation.

    Args:
        operation: an operation of a functional Keras 3 graph that is not a layer.
        name: of the layer that is applied.

    Raises:
        UserError: at once, or at the call, if no layer computes the same; it names the
            operation and what is allowed.
    """
    kind = type(operation).__name__
    if kind in MASKING:
        return lambda *_, **__: None
    if kind in ACTIVATIONS:
        activation = ACTIVATIONS[kind]
        return lambda x: tf_keras.layers.Activation(activation, name=name)(x)
    maker = _MAKERS.get(kind)
    if maker is None:
        raise _unsupported(operation)
    return maker(operation, name)


def hard_sigmoid(x: Any, name: str) -> Any:
    """Compute relu6(x + 3) / 6; the function of that name in tf_keras differs."""
    shifted = tf_keras.layers.Rescaling(1.0, 3.0, name=f"{name}_shift")(x)
    clipped = tf_keras.layers.ReLU(6.0, name=f"{name}_clip")(shifted)
    return tf_keras.layers.Rescaling(1 / 6, 0.0, name=name)(clipped)


def hard_silu(x: Any, name: str) -> Any:
    """Compute x * hard_sigmoid(x)."""
    gate = hard_sigmoid(x, f"{name}_gate")
    return tf_keras.layers.Multiply(name=name)([x, gate])


def leaky_relu(x: Any, name: str) -> Any:
    """Compute max(x, 0.2 x), Keras 3's default slope."""
    return tf_keras.layers.LeakyReLU(0.2, name=name)(x)


# Activation of Keras 3 by name -> layers that compute the same.
CHAINS: dict[str, Function] = {
    "hard_sigmoid": hard_sigmoid,
    "hard_silu": hard_silu,
    "hard_swish": hard_silu,
    "leaky_relu": leaky_relu,
}


def _chain(function: Function) -> Callable[[Any, str], Function]:
    return lambda operation, name: lambda x: function(x, name)


def _arithmetic(operation: Any, name: str) -> Function:
    kind = type(operation).__name__

    def compute(x1: Any, x2: Any) -> Any:
        constants = [_constant(value) for value in (x1, x2)]
        if constants[0] is None and constants[1] is None:
            if kind not in MERGES:
                raise _unsupported(operation)
            return getattr(tf_keras.layers, kind)(name=name)([x1, x2])
        first = constants[0] is not None
        constant, x = (constants[0], x2) if first else (constants[1], x1)
        if kind in LIMITS:
            return _limited(kind, x, constant, name)
        if (kind, first) not in AFFINE:
            raise _unsupported(operation)
        scale, offset = AFFINE[kind, first](constant)
        return _rescaled(x, scale, offset, name)

    return compute


LIMITS = {"Maximum": 1.0, "Minimum": -1.0}


def _limited(kind: str, x: Any, bound: Any, name: str) -> Any:
    """Compute max(x, c) as relu(x - c) + c, and min(x, c) as c - relu(c - x)."""
    sign = LIMITS[kind]
    distance = _rescaled(x, sign, -sign * bound, f"{name}_distance")
    positive = tf_keras.layers.ReLU(name=f"{name}_positive")(distance)
    return _rescaled(positive, sign, bound, name)


def _rescaled(x: Any, scale: Any, offset: Any, name: str) -> Any:
    """Apply x * scale + offset; both may be arrays that broadcast to one example."""
    scale, offset = (np.asarray(value, np.float32) for value in (scale, offset))
    values = [v.tolist() for v in (scale, offset)]
    return tf_keras.layers.Rescaling(*values, name=name)(x)


def _constant(value: Any) -> Any:
    """Return a number or an array as float64; None for a tensor of the graph."""
    if isinstance(value, Channel) or type(value).__name__ == "KerasTensor":
        return None
    try:
        return np.asarray(value, np.float64)
    except (TypeError, ValueError, NotImplementedError):
        return None


def _negative(operation: Any, name: str) -> Function:
    return lambda x: _rescaled(x, -1.0, 0.0, name)


def _square(operation: Any, name: str) -> Function:
    return lambda x: tf_keras.layers.Multiply(name=name)([x, x])


def _power(operation: Any, name: str) -> Function:
    def compute(x1: Any, x2: Any) -> Any:
        if _constant(x2) is None or float(_constant(x2)) != 2:
            raise _unsupported(operation)
        return tf_keras.layers.Multiply(name=name)([x1, x1])

    return compute


def _concatenate(operation: Any, name: str) -> Function:
    return lambda xs: tf_keras.layers.Concatenate(operation.axis, name=name)(list(xs))


def _reshape(operation: Any, name: str) -> Function:
    shape = tuple(operation.newshape)[1:]
    return lambda x: tf_keras.layers.Reshape(shape, name=name)(x)


def _leaky(operation: Any, name: str) -> Function:
    slope = operation.negative_slope
    return lambda x: tf_keras.layers.LeakyReLU(slope, name=name)(x)


def _softmax(operation: Any, name: str) -> Function:
    return lambda x: tf_keras.layers.Softmax(operation.axis, name=name)(x)


def _get_item(operation: Any, name: str) -> Function:
    """A channel of an image `x[..., 2]`, or all in reverse order `x[..., ::-1]`."""

    def compute(x: Any, key: Any) -> Any:
        last = key[-1] if isinstance(key, tuple) and len(key) == 2 else None
        if len(x.shape) != 4 or key[0] is not Ellipsis:
            raise _unsupported(operation)
        if isinstance(last, int):
            return Channel(x, last % x.shape[-1])
        if isinstance(last, slice):
            return _permuted(x, list(range(x.shape[-1]))[last], name)
        raise _unsupported(operation)

    return compute


def _stack(operation: Any, name: str) -> Function:
    def compute(xs: Any) -> Any:
        channels = list(xs)
        images = {id(c.image) for c in channels if isinstance(c, Channel)}
        whole = all(isinstance(channel, Channel) for channel in channels)
        if not whole or len(images) != 1 or operation.axis not in (-1, 3):
            raise _unsupported(operation)
        return _permuted(channels[0].image, [c.number for c in channels], name)

    return compute


def _permuted(x: Any, order: list[int], name: str) -> Any:
    """Select channels by a fixed 1x1 convolution."""
    layer = tf_keras.layers.Conv2D(
        len(order), 1, use_bias=False, trainable=False, name=name
    )
    y = layer(x)
    layer.set_weights([np.eye(x.shape[-1], dtype=np.float32)[:, order][None, None]])
    return y


def _matrix_product(operation: Any, name: str) -> Function:
    return lambda x1, x2: MatrixProduct(name=name)([x1, x2])


_MAKERS: dict[str, Callable[[Any, str], Function]] = {
    **dict.fromkeys((*MERGES, "Divide", "TrueDivide"), _arithmetic),
    "Matmul": _matrix_product,
    "Negative": _negative,
    "Square": _square,
    "Power": _power,
    "Concatenate": _concatenate,
    "Reshape": _reshape,
    "LeakyRelu": _leaky,
    "Softmax": _softmax,
    "HardSigmoid": _chain(hard_sigmoid),
    "HardSilu": _chain(hard_silu),
    "GetItem": _get_item,
    "Stack": _stack,
}


def _unsupported(operation: Any) -> UserError:
    allowed = ", ".join([*MERGES, "Divide", "Negative", *ACTIVATIONS, "Concatenate"])
    return UserError(
        f'operation "{operation.name}" ({type(operation).__name__}) of the graph is '
        f"not a layer; allowed outside layers: {allowed}, with tensors or constants"
    )
