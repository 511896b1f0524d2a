"""The cost of a model, layer by layer, before it is trained or exported.

In: a built model. Out: `ModelCost`: parameters, multiply-accumulates (MACs), bytes
of activations, file sizes and the receptive field of its convolutions.

Peak activation memory is an estimate of the arena that a microcontroller needs: the
layers run in the order of the graph, and a tensor lives until its last reader has
run. Layers that the runtime drops or fuses into the preceding one (normalization and
ReLU after a convolution or dense layer, ReLU after an addition) cost no memory.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from pipeline.models.graph import Call, Shape, calls, output_ids

# The converter removes these, or they only change their input's shape.
VANISHING = frozenset(
    ("Dropout", "Flatten", "Reshape", "SpatialDropout1D", "SpatialDropout2D")
)
# A batch normalization is folded into these; they also compute a ReLU themselves.
LINEAR = frozenset(
    (
        *("Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose"),
        *("DepthwiseConv1D", "DepthwiseConv2D", "SeparableConv1D", "SeparableConv2D"),
        "Dense",
    )
)
FUSED = ("relu", "relu6", "linear")
PER_CHANNEL = 16  # bytes in an int8 file: bias int32, scale float32, zero point int64
PER_OPERATOR = 340  # bytes of a file for an operator and its tensors' descriptions
OPERATORS = {"MultiHeadAttention": 13, "LayerNormalization": 6}  # other layers: 1
PER_FILE = 2048  # bytes of a file for its signature and buffers
FLOAT_BYTES = 4


@dataclass(frozen=True)
class LayerCost:
    """The cost of one call of a layer.

    Args:
        name: of the layer.
        kind: its class.
        shape: of its first output, without the batch axis.
        parameters: number of weights; 0 from a shared layer's second call on.
        macs: multiply-accumulates per example.
        activation: bytes of its outputs as float32, per example.
    """

    name: str
    kind: str
    shape: tuple[int, ...]
    parameters: int
    macs: int
    activation: int


@dataclass(frozen=True)
class ModelCost:
    """The cost of a whole model.

    Args:
        rows: cost per call of a layer, in execution order.
        parameters: number of weights, trainable or not.
        macs: multiply-accumulates per example.
        peak: maximum bytes of float32 activations alive at once; a quarter in int8.
        float_size, int8_size: estimated bytes of the exported files.
        receptive: height and width of the input region that one position of the last
            feature map depends on; None for a model without convolutions.
    """

    rows: tuple[LayerCost, ...]
    parameters: int
    macs: int
    peak: int
    float_size: int
    int8_size: int
    receptive: tuple[int, int] | None


def describe(model: keras.Model) -> ModelCost:
    """Compute the cost of a model from its graph, without running it.

    Args:
        model: functional or Sequential, built.

    Returns:
        Its cost per layer and in total.
    """
    steps = calls(model)
    rows = tuple(_layer_cost(step, steps[:n]) for n, step in enumerate(steps))
    kinds = [step.kind for step, free in zip(steps, folded(steps)) if not free]
    operators = sum(OPERATORS.get(kind, 1) for kind in kinds)
    overhead = PER_FILE + PER_OPERATOR * operators
    return ModelCost(
        rows=rows,
        parameters=model.count_params(),
        macs=sum(row.macs for row in rows),
        peak=peak_bytes(steps, output_ids(model)),
        float_size=FLOAT_BYTES * _folded_parameters(model) + overhead,
        int8_size=_int8_bytes(model) + overhead,
        receptive=receptive_field(steps),
    )


def peak_bytes(steps: list[Call], outputs: set[int]) -> int:
    """Compute the maximum memory of activations.

    Args:
        steps: of a model, in execution order.
        outputs: ids of the model's outputs, which live to the end.

    Returns:
        Maximum bytes of float32 tensors alive while one layer runs, for one example.
    """
    buffers, sizes = _buffers(steps)
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for number, step in enumerate(steps):
        for tensor in step.outputs:
            first.setdefault(buffers[tensor], number)
        for tensor in (*step.inputs, *step.outputs):
            last[buffers[tensor]] = number
    last |= {buffers[tensor]: len(steps) for tensor in outputs}
    return max(
        sum(sizes[b] for b in sizes if first[b] <= number <= last[b])
        for number in range(len(steps))
    )


def _buffers(steps: list[Call]) -> tuple[dict[int, int], dict[int, int]]:
    """Tensor -> buffer, and buffer -> bytes; a folded layer writes to its input's."""
    buffers: dict[int, int] = {}
    sizes: dict[int, int] = {}
    for step, free in zip(steps, folded(steps)):
        for tensor, shape in zip(step.outputs, step.output_shapes):
            buffers[tensor] = buffers[step.inputs[0]] if free else tensor
            sizes.setdefault(buffers[tensor], FLOAT_BYTES * math.prod(shape))
    return buffers, sizes


def folded(steps: list[Call]) -> list[bool]:
    """Find the calls that have no operator and no memory in an exported file.

    Args:
        steps: of a model, in execution order.

    Returns:
        Per call, True if it is dropped or fused into the preceding one.
    """
    producers: dict[int, str] = {}  # tensor -> "linear", "sum" or "" for others
    free = []
    for step in steps:
        before = producers.get(step.inputs[0], "") if len(step.inputs) == 1 else ""
        vanishes = _vanishes(step, before)
        free.append(vanishes)
        producer = "sum" if step.kind == "Add" else _producer(step, before, vanishes)
        producers |= dict.fromkeys(step.outputs, producer)
    return free


def _vanishes(step: Call, before: str) -> bool:
    if step.kind in VANISHING:
        return len(step.inputs) == 1
    if step.kind == "BatchNormalization":
        return before == "linear"
    return _is_fused_relu(step.operation) and before in ("linear", "sum")


def _producer(step: Call, before: str, vanishes: bool) -> str:
    """Return the kind of a call's output that decides what folds into it next."""
    if step.kind in LINEAR:
        return "linear"
    return "" if not vanishes or _is_fused_relu(step.operation) else before


def _is_fused_relu(layer: Any) -> bool:
    """True for activations that LiteRT fuses into the preceding operator."""
    if type(layer).__name__ == "ReLU":
        plain = not layer.negative_slope and not layer.threshold
        return plain and layer.max_value in (None, 6)
    name = getattr(getattr(layer, "activation", None), "__name__", "")
    return type(layer).__name__ == "Activation" and name in FUSED


def receptive_field(steps: list[Call]) -> tuple[int, int] | None:
    """Compute the receptive field of the last feature map.

    Araujo, Norris, Sim, Computing Receptive Fields of Convolutional Neural
    Networks, 2019: each layer adds (kernel - 1) times the product of the strides
    before it. Dense layers and global pooling, which see everything, do not count.

    Args:
        steps: of a model, in execution order.

    Returns:
        Height and width in input positions; None without a convolution.
    """
    fields: dict[int, tuple[np.ndarray, np.ndarray]] = {}
    widest = None
    for step in steps:
        inputs = [fields[tensor] for tensor in step.inputs if tensor in fields]
        field = np.max([field for field, _ in inputs], axis=0) if inputs else np.ones(2)
        jump = np.max([jump for _, jump in inputs], axis=0) if inputs else np.ones(2)
        window, strides = _window(step.operation)
        field, jump = field + (window - 1) * jump, jump * strides
        fields |= dict.fromkeys(step.outputs, (field, jump))
        if widest is not None or "Conv" in step.kind:
            widest = np.maximum(field, widest if widest is not None else 1)
    return None if widest is None else (int(widest[0]), int(widest[1]))


def _layer_cost(step: Call, before: list[Call]) -> LayerCost:
    shared = any(step.operation is call.operation for call in before)
    count_params = getattr(step.operation, "count_params", lambda: 0)
    return LayerCost(
        name=step.name,
        kind=step.kind,
        shape=step.output_shapes[0],
        parameters=0 if shared else count_params(),
        macs=_macs(step),
        activation=FLOAT_BYTES * sum(map(math.prod, step.output_shapes)),
    )


def _macs(step: Call) -> int:
    if step.kind == "MultiHeadAttention":
        return _attention_macs(step.operation, step.input_shapes)
    count = MACS.get(step.kind)
    if count is None:
        return 0
    return int(count(step.operation, step.input_shapes[0], step.output_shapes[0]))


def _conv_macs(layer: Any, inputs: Shape, outputs: Shape) -> int:
    """Each output value is one sum over its filter's kernel."""
    return math.prod(outputs) * math.prod(layer.kernel.shape[:-1])


def _transposed_conv_macs(layer: Any, inputs: Shape, outputs: Shape) -> int:
    """Each input position is spread over the kernels of all filters."""
    return math.prod(inputs[:-1]) * math.prod(layer.kernel.shape)


def _depthwise_macs(layer: Any, inputs: Shape, outputs: Shape) -> int:
    return math.prod(outputs) * math.prod(layer.kernel_size)


def _separable_macs(layer: Any, inputs: Shape, outputs: Shape) -> int:
    kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
    return math.prod(outputs[:-1]) * sum(math.prod(k.shape) for k in kernels)


def _dense_macs(layer: Any, inputs: Shape, outputs: Shape) -> int:
    return math.prod(outputs) * inputs[-1]


def _recurrent_macs(layer: Any, inputs: Shape, outputs: Shape) -> int:
    """Every kernel once per step, in one or both directions."""
    kernels = [w for w in layer.weights if len(w.shape) == 2 and "bias" not in w.name]
    return inputs[0] * sum(math.prod(kernel.shape) for kernel in kernels)


def _attention_macs(layer: Any, shapes: Sequence[Shape]) -> int:
    """Four projections, the scores and the weighted values.

    The first shape is that of the steps that attend, the second one, which
    self-attention repeats, that of the steps that they attend to.
    """
    reading, read = shapes[0][0], shapes[min(1, len(shapes) - 1)][0]
    projections = 0
    for weight in layer.weights:
        if weight.name == "kernel":
            of_read = weight.path.split("/")[-2] in ("key", "value")
            projections += (read if of_read else reading) * math.prod(weight.shape)
    return projections + 2 * reading * read * layer.num_heads * layer.key_dim


MACS: dict[str, Callable[[Any, Shape, Shape], int]] = {
    **dict.fromkeys(("Conv1D", "Conv2D", "Conv3D"), _conv_macs),
    **dict.fromkeys(("Conv1DTranspose", "Conv2DTranspose"), _transposed_conv_macs),
    **dict.fromkeys(("DepthwiseConv1D", "DepthwiseConv2D"), _depthwise_macs),
    **dict.fromkeys(("SeparableConv1D", "SeparableConv2D"), _separable_macs),
    **dict.fromkeys(("SimpleRNN", "LSTM", "GRU", "Bidirectional"), _recurrent_macs),
    "Dense": _dense_macs,
}


def _window(layer: Any) -> tuple[np.ndarray, np.ndarray]:
    """Kernel and strides in height and width; ones for a pointwise layer."""
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
    """Height and width; a sequence has a width of one."""
    return np.append(values, 1.0)[:2] if len(values) == 1 else values[:2] * 1.0


def _folded_parameters(model: keras.Model) -> int:
    """Count weights after folding: a batch norm leaves one bias per channel of four."""
    layers = model._flatten_layers()
    norms = [x for x in layers if type(x).__name__ == "BatchNormalization"]
    return model.count_params() - sum(norm.count_params() * 3 // 4 for norm in norms)


def _int8_bytes(model: keras.Model) -> int:
    """One byte per kernel value, plus bias and scale per output channel."""
    kernels = [w for w in model.weights if len(w.shape) > 1]
    channels = sum(int(kernel.shape[-1]) for kernel in kernels)
    return sum(math.prod(w.shape) for w in kernels) + PER_CHANNEL * channels
