"""What a model costs, layer by layer, before it is trained or exported.

In: a built model. Out: `Description`: parameters, multiply-accumulates (MACs),
bytes of activations, sizes of the files, and how far a convolution sees.

Peak activation memory is an estimate of the arena that a microcontroller needs:
the layers run in the order of the graph, a tensor lives until its last reader has
run, and what the runtime folds into the layer before it (normalization and ReLU
after a convolution, dense layer or addition) or drops costs nothing of its own.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from pipeline.models.graph import Call, calls, outputs

# These vanish, or only give their input another shape.
VANISHING = frozenset(
    "Dropout Flatten Reshape SpatialDropout1D SpatialDropout2D".split()
)
# What a normalization is multiplied into, and what computes a ReLU by itself.
LINEAR = frozenset(
    "Conv1D Conv2D Conv3D Conv1DTranspose Conv2DTranspose Dense DepthwiseConv1D "
    "DepthwiseConv2D SeparableConv1D SeparableConv2D".split()
)
FUSED = ("relu", "relu6", "linear")
PER_CHANNEL = 16  # bytes in an int8 file: bias int32, scale float32, zero point int64
PER_OPERATOR = 340  # bytes of a file for an operator and its tensors' descriptions
OPERATORS = {"MultiHeadAttention": 13, "LayerNormalization": 6}  # others are one
PER_FILE = 2048  # bytes of a file for its signature and buffers


@dataclass(frozen=True)
class Row:
    """One layer.

    Args:
        macs: multiply-accumulates of one example.
        activation: bytes of its output as float32.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int
    activation: int


@dataclass(frozen=True)
class Description:
    """A whole model.

    Args:
        peak: bytes of float32 activations that are alive at once; a quarter in int8.
        float_size, int8_size: bytes of the exported files, an estimate.
        receptive: height and width of the input that one place before the global
            pooling sees, or None where there is no convolution.
    """

    rows: tuple[Row, ...]
    parameters: int
    macs: int
    peak: int
    float_size: int
    int8_size: int
    receptive: tuple[int, int] | None


def describe(model: keras.Model) -> Description:
    """Count everything; nothing is run."""
    steps = calls(model)
    rows = tuple(_row(step, steps[:at]) for at, step in enumerate(steps))
    free = folded(steps)
    kinds = [step.kind for step, gone in zip(steps, free) if not gone]
    operators = sum(OPERATORS.get(kind, 1) for kind in kinds)
    extra = PER_FILE + PER_OPERATOR * operators
    return Description(
        rows=rows,
        parameters=model.count_params(),
        macs=sum(row.macs for row in rows),
        peak=peak_bytes(steps, outputs(model)),
        float_size=4 * _kept(model) + extra,
        int8_size=_int8_bytes(model) + extra,
        receptive=receptive_field(steps),
    )


def peak_bytes(steps: list[Call], kept: set[int]) -> int:
    """Most bytes of float32 tensors alive while one layer runs."""
    place: dict[int, int] = {}  # a folded layer's output lies where its input does
    sizes: dict[int, int] = {}
    for step, free in zip(steps, folded(steps)):
        for tensor, shape in zip(step.outputs, step.shapes):
            place[tensor] = place[step.inputs[0]] if free else tensor
            sizes.setdefault(place[tensor], 4 * math.prod(shape))
    last = {place[t]: at for at, step in enumerate(steps) for t in _touched(step)}
    last |= {place[tensor]: len(steps) for tensor in kept}
    first: dict[int, int] = {}
    for at, step in enumerate(steps):
        for tensor in step.outputs:
            first.setdefault(place[tensor], at)
    return max(
        sum(sizes[t] for t in sizes if first[t] <= at <= last[t])
        for at in range(len(steps))
    )


def folded(steps: list[Call]) -> list[bool]:
    """Whether each step needs no operator and no memory of its own in the file."""
    ends: dict[int, str] = {}  # what computes a tensor: a linear layer, a sum, ...
    free = []
    for step in steps:
        before = ends.get(step.inputs[0], "") if len(step.inputs) == 1 else ""
        gone = _vanishes(step, before)
        free.append(gone)
        kind = "sum" if step.kind == "Add" else _role(step, before, gone)
        ends |= dict.fromkeys(step.outputs, kind)
    return free


def _vanishes(step: Call, before: str) -> bool:
    if step.kind in VANISHING:
        return len(step.inputs) == 1
    if step.kind == "BatchNormalization":
        return before == "linear"
    return _is_relu(step.operation) and before in ("linear", "sum")


def _role(step: Call, before: str, gone: bool) -> str:
    """What may still be folded into a step's output."""
    if step.kind in LINEAR:
        return "linear"
    return "" if not gone or _is_relu(step.operation) else before


def _is_relu(layer: Any) -> bool:
    """Whether it is an activation that LiteRT fuses into the operator before it."""
    if type(layer).__name__ == "ReLU":
        plain = not layer.negative_slope and not layer.threshold
        return plain and layer.max_value in (None, 6)
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return type(layer).__name__ == "Activation" and name in FUSED


def receptive_field(steps: list[Call]) -> tuple[int, int] | None:
    """Height and width, in inputs, that one place of the last layers sees.

    Araujo, Norris, Sim, Computing Receptive Fields of Convolutional Neural
    Networks, 2019: each layer adds (kernel - 1) times the steps so far.
    """
    sees: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    widest = None
    for step in steps:
        given = [sees[tensor] for tensor in step.inputs if tensor in sees]
        field = np.max([one[0] for one in given], axis=0) if given else np.ones(2)
        jump = np.max([one[1] for one in given], axis=0) if given else np.ones(2)
        window, strides = _window(step.operation)
        field, jump = field + (window - 1) * jump, jump * strides
        sees |= {tensor: (field, jump) for tensor in step.outputs}
        if widest is not None or _convolves(step.kind):
            widest = np.maximum(field, widest if widest is not None else 1)
    return None if widest is None else (int(widest[0]), int(widest[1]))


def _touched(step: Call) -> tuple[int, ...]:
    return (*step.inputs, *step.outputs)


def _row(step: Call, before: list[Call]) -> Row:
    """A shared layer's parameters count where it is first used."""
    again = any(step.operation is one.operation for one in before)
    weights = getattr(step.operation, "count_params", lambda: 0)
    elements = sum(math.prod(shape) for shape in step.shapes)
    return Row(
        step.name,
        step.kind,
        step.shapes[0],
        0 if again else weights(),
        _macs(step),
        4 * elements,
    )


def _macs(step: Call) -> int:
    count = MACS.get(step.kind)
    return int(count(step.operation, step.given[0], step.shapes[0])) if count else 0


def _of_conv(layer: Any, given: Any, made: Any) -> int:
    """Each output value is one sum over the kernel of its filter."""
    return math.prod(made) * math.prod(layer.kernel.shape[:-1])


def _of_transposed(layer: Any, given: Any, made: Any) -> int:
    """Each input value is spread over the kernel of every filter."""
    places = math.prod(given[:-1])
    return places * math.prod(layer.kernel.shape)


def _of_depthwise(layer: Any, given: Any, made: Any) -> int:
    return math.prod(made) * math.prod(layer.kernel_size)


def _of_separable(layer: Any, given: Any, made: Any) -> int:
    places = math.prod(made[:-1])
    kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
    return places * sum(math.prod(kernel.shape) for kernel in kernels)


def _of_dense(layer: Any, given: Any, made: Any) -> int:
    return math.prod(made) * given[-1]


def _of_recurrent(layer: Any, given: Any, made: Any) -> int:
    """Every kernel, once a step; in both directions if there are two."""
    kernels = [w for w in layer.weights if len(w.shape) == 2 and "bias" not in w.name]
    return given[0] * sum(math.prod(kernel.shape) for kernel in kernels)


def _of_attention(layer: Any, given: Any, made: Any) -> int:
    """Four projections, the scores, and what they weigh (self-attention)."""
    kernels = [w for w in layer.weights if w.name == "kernel"]
    projections = given[0] * sum(math.prod(kernel.shape) for kernel in kernels)
    return projections + 2 * given[0] ** 2 * layer.num_heads * layer.key_dim


MACS: dict[str, Callable[[Any, Any, Any], int]] = {
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), _of_conv),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), _of_transposed),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _of_depthwise),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _of_separable),
    **dict.fromkeys(("SimpleRNN", "LSTM", "GRU", "Bidirectional"), _of_recurrent),
    "Dense": _of_dense,
    "MultiHeadAttention": _of_attention,
}


def _convolves(kind: str) -> bool:
    return "Conv" in kind


def _window(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and stride in height and width; (1, 1) for what looks at one place."""
    ones = np.ones(2)
    if type(layer).__name__.startswith("UpSampling"):
        return ones, ones / np.resize(layer.size, 2)
    size = getattr(layer, "kernel_size", getattr(layer, "pool_size", None))
    if size is None:
        return ones, ones
    dilation = np.resize(getattr(layer, "dilation_rate", 1), len(size))
    window = (np.array(size) - 1) * dilation + 1
    strides = np.resize(layer.strides, len(size))
    if "Transpose" in type(layer).__name__:
        return ones, _pair(1 / strides)
    return _pair(window), _pair(strides)


def _pair(values: np.ndarray) -> np.ndarray:
    """(height, width); a sequence has a width of one."""
    return np.append(values, 1.0)[:2] if len(values) == 1 else values[:2] * 1.0


def _kept(model: keras.Model) -> int:
    """Numbers left once batch normalizations are folded: a bias for each channel."""
    norms = [each for each in model._flatten_layers() if _is_norm(each)]
    return model.count_params() - sum(each.count_params() * 3 // 4 for each in norms)


def _int8_bytes(model: keras.Model) -> int:
    """Kernels are one byte a value; each output channel has a bias and a scale."""
    kernels = [w for w in model.weights if len(w.shape) > 1]
    channels = sum(int(kernel.shape[-1]) for kernel in kernels)
    return sum(math.prod(w.shape) for w in kernels) + PER_CHANNEL * channels


def _is_norm(layer: Any) -> bool:
    return type(layer).__name__ == "BatchNormalization"
