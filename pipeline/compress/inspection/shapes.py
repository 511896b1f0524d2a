"""Shapes, parameters and multiply-accumulates of layers, from their settings alone.

In: a layer of a configuration and the shapes that it reads, without the batch axis.
Out: the shape of its output, its parameters and its MACs; None where a class is not
known here, or an axis has no fixed length.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from pipeline.compress.inspection.keras_config import ConfigLayer

Axis = int | None
Shape = tuple[Axis, ...]
GATES = {"LSTM": 4, "GRU": 3, "SimpleRNN": 1}
MERGING = (
    *("Add", "Average", "Divide", "Maximum", "Minimum", "Multiply", "Subtract"),
    "TrueDivide",
)


def output_shape(layer: ConfigLayer, inputs: Sequence[Shape]) -> Shape | None:
    """Return the shape of a layer's output; None where it is not known.

    Args:
        layer: of a configuration.
        inputs: shapes of the tensors that it reads.
    """
    kind, config = layer.kind, layer.config
    if kind == "InputLayer":
        shape = config.get("batch_shape") or config.get("batch_input_shape")
        return tuple(shape[1:]) if shape else None
    if not inputs:
        return None
    shape = inputs[0]
    if kind.startswith(("Conv", "DepthwiseConv", "SeparableConv")):
        return _convolved(layer, shape)
    if "Pooling" in kind:
        return _pooled(layer, shape)
    if kind == "TimeDistributed":
        step = output_shape(inner(layer), [shape[1:]])
        return None if step is None else (shape[0], *step)
    rule = RULES.get(kind)
    return rule(config, shape, inputs) if rule else None


def parameters(layer: ConfigLayer, inputs: Sequence[Shape]) -> int | None:
    """Count the weights of a layer; None where its class is not known here."""
    kind, config = layer.kind, layer.config
    if kind in NO_WEIGHTS or "Pooling" in kind:
        return 0
    channels = inputs[0][-1] if inputs and inputs[0] else None
    if channels is None:
        return None
    counts: dict[str, Callable[[], int | None]] = {
        "BatchNormalization": lambda: channels * _normal(config, 2),
        "LayerNormalization": lambda: channels * _normal(config, 0),
        "GroupNormalization": lambda: channels * _normal(config, 0),
        "Normalization": lambda: 2 * channels + 1,
        "Embedding": lambda: config["input_dim"] * config["output_dim"],
        "PReLU": lambda: _alphas(config, inputs[0]),
        "Bidirectional": lambda: _both(layer, inputs),
        "TimeDistributed": lambda: parameters(inner(layer), [inputs[0][1:]]),
    }
    if kind in counts:
        return counts[kind]()
    if kind in GATES:
        return _recurrent(layer, channels)
    weights = kernels(layer, channels)
    if weights is None:
        return None
    return sum(map(math.prod, weights)) + _biases(layer, channels)


def kernels(layer: ConfigLayer, channels: int) -> list[tuple[int, ...]] | None:
    """Return the shapes of a layer's kernels; None for classes without known ones."""
    kind, config = layer.kind, layer.config
    if kind == "Dense":
        return [(channels, config["units"])]
    if "Conv" not in kind or kind.startswith("ConvLSTM"):
        return None
    size = _spatial(config["kernel_size"], _dimensions(kind))
    if kind.startswith("DepthwiseConv"):
        return [(*size, channels, config.get("depth_multiplier", 1))]
    if kind.startswith("SeparableConv"):
        deep = channels * config.get("depth_multiplier", 1)
        ones = (1,) * len(size)
        return [
            (*size, channels, config.get("depth_multiplier", 1)),
            (*ones, deep, config["filters"]),
        ]
    groups = config.get("groups") or 1
    return [(*size, channels // groups, config["filters"])]


def macs(
    layer: ConfigLayer, inputs: Sequence[Shape], output: Shape | None
) -> int | None:
    """Count the multiply-accumulates of one example; 0 for layers without kernels."""
    kind = layer.kind
    channels = inputs[0][-1] if inputs and inputs[0] else None
    if kind in GATES or kind == "Bidirectional":
        return _recurrent_macs(layer, inputs[0])
    if kind == "TimeDistributed":
        return _times(inputs[0][0], macs(inner(layer), [inputs[0][1:]], None))
    weights = kernels(layer, channels) if channels else None
    if weights is None:
        return 0 if parameters(layer, inputs) is not None else None
    if kind == "Dense" or "Transpose" in kind:
        return _times(_product(inputs[0][:-1]), math.prod(weights[0]))
    positions = _product((output or (None,))[:-1])
    return _times(positions, sum(math.prod(kernel) for kernel in weights))


def inner(layer: ConfigLayer) -> ConfigLayer:
    """Return the layer inside a wrapper."""
    entry = layer.config["layer"]
    return ConfigLayer(layer.name, entry["class_name"], entry["config"])


def _dimensions(kind: str) -> int:
    return int(next(c for c in kind if c.isdigit()))


def _spatial(value: Any, dimensions: int) -> tuple[int, ...]:
    values = value if isinstance(value, list | tuple) else [value] * dimensions
    return tuple(int(v) for v in values)


def _convolved(layer: ConfigLayer, shape: Shape) -> Shape | None:
    kind, config = layer.kind, layer.config
    if kind.startswith("ConvLSTM") or _channels_first(config):
        return None
    count = _dimensions(kind)
    size, strides, dilation = (
        _spatial(config.get(key) or 1, count)
        for key in ("kernel_size", "strides", "dilation_rate")
    )
    transposed = "Transpose" in kind
    padding = config.get("padding", "valid")
    lengths = [
        (_grown if transposed else _slid)(axis, k, s, d, padding)
        for axis, k, s, d in zip(shape[:-1], size, strides, dilation)
    ]
    depth = shape[-1]
    if kind.startswith("DepthwiseConv"):
        return (*lengths, _times(depth, config.get("depth_multiplier", 1)))
    return (*lengths, config["filters"])


def _slid(axis: Axis, size: int, stride: int, dilation: int, padding: str) -> Axis:
    if axis is None:
        return None
    if padding in ("same", "causal"):
        return -(-axis // stride)
    return (axis - dilation * (size - 1) - 1) // stride + 1


def _grown(axis: Axis, size: int, stride: int, dilation: int, padding: str) -> Axis:
    if axis is None:
        return None
    reach = dilation * (size - 1) + 1
    return axis * stride + (0 if padding == "same" else max(reach - stride, 0))


def _pooled(layer: ConfigLayer, shape: Shape) -> Shape | None:
    kind, config = layer.kind, layer.config
    if _channels_first(config) or kind.startswith("Adaptive"):
        return None
    if kind.startswith("Global"):
        ones = (1,) * (len(shape) - 1) if config.get("keepdims") else ()
        return (*ones, shape[-1])
    count = _dimensions(kind)
    size = _spatial(config["pool_size"], count)
    strides = _spatial(config.get("strides") or list(size), count)
    padding = config.get("padding", "valid")
    lengths = [_slid(a, k, s, 1, padding) for a, k, s in zip(shape, size, strides)]
    return (*lengths, shape[-1])


def _channels_first(config: dict[str, Any]) -> bool:
    return config.get("data_format") == "channels_first"


def _normal(config: dict[str, Any], statistics: int) -> int:
    return (
        statistics + bool(config.get("scale", True)) + bool(config.get("center", True))
    )


def _alphas(config: dict[str, Any], shape: Shape) -> int | None:
    shared = config.get("shared_axes") or ()
    return _product(1 if k in shared else axis for k, axis in enumerate(shape, 1))


def _biases(layer: ConfigLayer, channels: int) -> int:
    if not layer.config.get("use_bias", True):
        return 0
    multiplier = layer.config.get("depth_multiplier", 1)
    if layer.kind.startswith("DepthwiseConv"):
        return int(channels * multiplier)
    return int(layer.config.get("units") or layer.config["filters"])


def _recurrent(layer: ConfigLayer, channels: int) -> int:
    units, gates = layer.config["units"], GATES[layer.kind]
    twice = layer.kind == "GRU" and layer.config.get("reset_after", True)
    biases = (2 if twice else 1) if layer.config.get("use_bias", True) else 0
    return int(gates * units * (channels + units + biases))


def _both(layer: ConfigLayer, inputs: Sequence[Shape]) -> int | None:
    return _times(2, parameters(inner(layer), inputs))


def _recurrent_macs(layer: ConfigLayer, shape: Shape) -> int | None:
    both = layer.kind == "Bidirectional"
    cell = inner(layer) if both else layer
    if cell.kind not in GATES or len(shape) < 2 or shape[-1] is None:
        return None
    units = cell.config["units"]
    step = GATES[cell.kind] * units * (shape[-1] + units)
    return _times(shape[0], step * (2 if both else 1))


def _product(axes: Any) -> Axis:
    values = list(axes)
    return None if None in values else math.prod(values)


def _times(count: Axis, factor: Axis) -> Axis:
    return None if count is None or factor is None else count * factor


Rule = Callable[[dict[str, Any], Shape, Sequence[Shape]], Shape | None]


def _same(config: dict[str, Any], shape: Shape, inputs: Sequence[Shape]) -> Shape:
    return shape


def _merged(config: dict[str, Any], shape: Shape, inputs: Sequence[Shape]) -> Shape:
    longest = max(inputs, key=len)
    aligned = [(1,) * (len(longest) - len(s)) + tuple(s) for s in inputs]
    return tuple(None if None in axes else max(axes) for axes in zip(*aligned))


def _joined(config: dict[str, Any], shape: Shape, inputs: Sequence[Shape]) -> Shape:
    axis = config.get("axis", -1)
    position = axis - 1 if axis > 0 else len(shape) + axis
    lengths = [other[position] for other in inputs]
    total = None if None in lengths else sum(lengths)  # type: ignore[arg-type]
    return (*shape[:position], total, *shape[position + 1 :])


def _flat(config: dict[str, Any], shape: Shape, inputs: Sequence[Shape]) -> Shape:
    return (_product(shape),)


def _reshaped(config: dict[str, Any], shape: Shape, inputs: Sequence[Shape]) -> Shape:
    target = list(config["target_shape"])
    if -1 in target:
        rest, whole = math.prod(v for v in target if v != -1), _product(shape)
        target[target.index(-1)] = None if whole is None else whole // rest
    return tuple(target)


def _units(config: dict[str, Any], shape: Shape, inputs: Sequence[Shape]) -> Shape:
    return (*shape[:-1], config["units"])


def _steps(config: dict[str, Any], shape: Shape, inputs: Sequence[Shape]) -> Shape:
    units = config["units"]
    return (shape[0], units) if config.get("return_sequences") else (units,)


def _twice(
    config: dict[str, Any], shape: Shape, inputs: Sequence[Shape]
) -> Shape | None:
    cell = config["layer"]["config"]
    one = _steps(cell, shape, inputs)
    merged = config.get("merge_mode", "concat") == "concat"
    return (*one[:-1], one[-1] * 2) if merged and one[-1] else one


def _padded(config: dict[str, Any], shape: Shape, inputs: Sequence[Shape]) -> Shape:
    return _changed(config["padding"], shape, 1)


def _cropped(config: dict[str, Any], shape: Shape, inputs: Sequence[Shape]) -> Shape:
    return _changed(config["cropping"], shape, -1)


def _changed(amounts: Any, shape: Shape, sign: int) -> Shape:
    pairs = amounts if isinstance(amounts, list | tuple) else [amounts]
    if len(shape) == 2 and len(pairs) == 2 and not isinstance(pairs[0], list):
        pairs = [pairs]
    sums = [sum(p) if isinstance(p, list | tuple) else 2 * p for p in pairs]
    sums += [sums[-1]] * (len(shape) - 1 - len(sums))
    lengths = [None if a is None else a + sign * s for a, s in zip(shape, sums)]
    return (*lengths, shape[-1])


def _upsampled(config: dict[str, Any], shape: Shape, inputs: Sequence[Shape]) -> Shape:
    factors = _spatial(config["size"], len(shape) - 1)
    return (*[_times(a, f) for a, f in zip(shape, factors)], shape[-1])


RULES: dict[str, Rule] = {
    **dict.fromkeys(MERGING, _merged),
    **dict.fromkeys(GATES, _steps),
    **dict.fromkeys(("ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D"), _padded),
    **dict.fromkeys(("Cropping1D", "Cropping2D", "Cropping3D"), _cropped),
    **dict.fromkeys(("UpSampling1D", "UpSampling2D", "UpSampling3D"), _upsampled),
    "Bidirectional": _twice,
    "Concatenate": _joined,
    "Dense": _units,
    "Embedding": lambda c, shape, inputs: (*shape, c["output_dim"]),
    "Flatten": _flat,
    "Permute": lambda c, shape, inputs: tuple(shape[k - 1] for k in c["dims"]),
    "RepeatVector": lambda c, shape, inputs: (c["n"], *shape),
    "Reshape": _reshaped,
    "Resizing": lambda c, shape, inputs: (c["height"], c["width"], shape[-1]),
    "CenterCrop": lambda c, shape, inputs: (c["height"], c["width"], shape[-1]),
}
KEEPING = (
    *("Activation", "ActivityRegularization", "AlphaDropout", "BatchNormalization"),
    *("Dropout", "ELU", "GaussianDropout", "GaussianNoise", "GroupNormalization"),
    *("Identity", "LayerNormalization", "LeakyReLU", "Masking", "Normalization"),
    *("PReLU", "ReLU", "Rescaling", "Softmax", "SpatialDropout1D", "SpatialDropout2D"),
    *("UnitNormalization", "ThresholdedReLU"),
    # Operations of keras.ops.
    *("Relu", "Relu6", "LeakyRelu", "Elu", "Selu", "Gelu", "Silu", "Sigmoid", "Tanh"),
    *("HardSigmoid", "HardSilu", "HardTanh", "Softplus", "Exp", "Sqrt", "Square"),
)
RULES |= dict.fromkeys(KEEPING, _same)
WITH_WEIGHTS = (
    *("BatchNormalization", "LayerNormalization", "GroupNormalization"),
    *("Normalization", "PReLU", "Embedding", "Dense", "Bidirectional", *GATES),
)
NO_WEIGHTS = frozenset(RULES) - frozenset(WITH_WEIGHTS) | {"InputLayer"}
