"""Rebuild operators with weights: convolutions, dense layers, normalizations."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from pipeline.compress.import_model.onnx.builder import NodeBuilder, Rebuild
from pipeline.compress.import_model.onnx.values import (
    Value,
    channels_last,
    feature_order,
    in_order,
    plain,
    plain_order,
)
from pipeline.compress.import_model.onnx.windows import padded, window_of


def convolution(build: NodeBuilder) -> Value:
    """Conv: a convolution, grouped or depthwise; W is (filters, channels, ...)."""
    kernel, bias = build.kernel(1), build.constant(2)
    value = _image(build, kernel.ndim)
    window = window_of(build, value, kernel.shape[2:])
    tensor, padding = padded(build, value, window)
    groups = build.attribute("group", 1)
    depthwise = groups == value.shape[-1] > 1
    settings = {
        "strides": window.strides,
        "padding": padding,
        "dilation_rate": window.dilation,
        "use_bias": bias is not None,
        "name": build.name,
    }
    arguments = (build, kernel, window.size, settings)
    layer, weights = (
        _depthwise(*arguments) if depthwise else _dense_conv(*arguments, groups)
    )
    biases = [] if bias is None else [bias]
    return Value(build.apply(layer, tensor, weights, *biases), value.order)


def _image(build: NodeBuilder, rank: int) -> Value:
    value = build.value()
    if value.rank != rank or not 3 <= rank <= 5:
        build.refuse(f"its input has {value.rank} axes and its kernel {rank}")
    return in_order(value, channels_last(rank), build.name)


def _depthwise(
    build: NodeBuilder, kernel: np.ndarray, size: tuple[int, ...], settings: Any
) -> tuple[Any, np.ndarray]:
    strides, channels = settings["strides"], build.attribute("group")
    if len(size) > 2 or len(set(strides)) > 1:
        build.refuse("a depthwise convolution needs one or two axes of equal strides")
    layer = getattr(keras.layers, f"DepthwiseConv{len(size)}D")
    multiplier = len(kernel) // channels
    split = kernel.reshape(channels, multiplier, *size)
    weights = split.transpose(*range(2, split.ndim), 0, 1)
    return layer(size, depth_multiplier=multiplier, **settings), weights


def _dense_conv(
    build: NodeBuilder,
    kernel: np.ndarray,
    size: tuple[int, ...],
    settings: Any,
    groups: int,
) -> tuple[Any, np.ndarray]:
    if max(settings["strides"]) > 1 and max(settings["dilation_rate"]) > 1:
        build.refuse("Keras has no convolution with both strides and dilations")
    layer = getattr(keras.layers, f"Conv{len(size)}D")
    weights = kernel.transpose(*range(2, kernel.ndim), 1, 0)
    return layer(len(kernel), size, groups=groups, **settings), weights


def transposed_convolution(build: NodeBuilder) -> Value:
    """ConvTranspose: a valid one in Keras, cropped; W is (channels, filters, ...)."""
    kernel, bias = build.kernel(1), build.constant(2)
    value = _image(build, kernel.ndim)
    size, count = kernel.shape[2:], kernel.ndim - 2
    window = window_of(build, value, size)
    if build.attribute("group", 1) > 1 or max(window.dilation) > 1:
        build.refuse("only one group and no dilations are supported")
    if not _is_explicit(build) or count > 2:
        build.refuse("only explicit pads and one or two spatial axes are supported")
    layer = getattr(keras.layers, f"Conv{count}DTranspose")(
        kernel.shape[1],
        size,
        strides=window.strides,
        use_bias=bias is not None,
        name=build.name,
    )
    weights = kernel.transpose(*range(2, kernel.ndim), 1, 0)
    biases = [] if bias is None else [bias]
    tensor = build.apply(layer, value.tensor, weights, *biases)
    return _cropped(build, Value(tensor, value.order), value, window)


def _is_explicit(build: NodeBuilder) -> bool:
    return (
        build.attribute("auto_pad", "NOTSET") == "NOTSET"
        and build.attribute("output_shape") is None
    )


def _cropped(build: NodeBuilder, value: Value, source: Value, window: Any) -> Value:
    extra = build.attribute("output_padding", [0] * len(window.size))
    lengths = [
        s * (n - 1) + o + k - begin - end
        for n, s, k, o, (begin, end) in zip(
            source.shape, window.strides, window.size, extra, window.pads
        )
    ]
    crops = tuple(
        (begin, whole - begin - length)
        for whole, length, (begin, _) in zip(value.shape, lengths, window.pads)
    )
    if np.min(crops) < 0:
        build.refuse("its output_padding is larger than its pads")
    if not any(map(any, crops)):
        return value
    layer = {1: keras.layers.Cropping1D, 2: keras.layers.Cropping2D}[len(crops)]
    amounts = crops[0] if len(crops) == 1 else crops
    return value.with_tensor(layer(amounts, name=f"{build.name}_crop")(value.tensor))


def batch_normalization(build: NodeBuilder) -> Value:
    """BatchNormalization over axis 1."""
    value = build.value()
    if not value.flattened and value.rank > 2:
        value = in_order(value, channels_last(value.rank), build.name)
    order = feature_order(value) if value.rank == 2 else slice(None)
    arrays = [build.kernel(k)[order] for k in range(1, 5)]
    layer = keras.layers.BatchNormalization(
        epsilon=build.attribute("epsilon", 1e-5),
        momentum=build.attribute("momentum", 0.9),
        name=build.name,
    )
    return value.with_tensor(build.apply(layer, value.tensor, *arrays), positive=False)


def gemm(build: NodeBuilder) -> Value:
    """Gemm: alpha * A @ B + beta * C, a dense layer."""
    kernel, bias = build.kernel(1), build.constant(2)
    if build.attribute("transA", 0) or kernel.ndim != 2 or build.value().rank != 2:
        build.refuse("it needs a batch of rows and a kernel of two axes")
    if build.attribute("transB", 0):
        kernel = kernel.T
    kernel = kernel * build.attribute("alpha", 1.0)
    if bias is not None:
        bias = np.broadcast_to(bias, (1, kernel.shape[1]))[0]
        bias = bias * build.attribute("beta", 1.0)
    return _dense(build, kernel, bias)


def dense_product(build: NodeBuilder) -> Value:
    """MatMul with a constant kernel, and with the bias that the next node adds.

    Args:
        build: the node.
    """
    kernel = build.kernel(1)
    if kernel.ndim != 2:
        build.refuse(f"its kernel has {kernel.ndim} axes; it needs two")
    return _dense(build, kernel, added_bias(build, kernel.shape[1]))


def added_bias(build: NodeBuilder, units: int) -> np.ndarray | None:
    """Return the constant that the only consumer of a product adds to it, if any.

    Args:
        build: the node of the product.
        units: number of outputs.
    """
    output = build.node.outputs[0]
    consumers = build.graph.consumers(output)
    if len(consumers) != 1 or consumers[0].kind != "Add":
        return None
    others = [name for name in consumers[0].inputs if name != output]
    array = build.graph.constants.get(others[0]) if len(others) == 1 else None
    fits = array is not None and array.size == units == array.shape[-1]
    return array.reshape(-1) if fits and array is not None else None


def _dense(build: NodeBuilder, kernel: np.ndarray, bias: np.ndarray | None) -> Value:
    value = build.value()
    if value.rank > 2 or value.is_whole:
        value = plain(value, build.name)
    if value.shape[-1] != len(kernel):
        build.refuse(
            f"its input has {value.shape[-1]} features and its kernel {len(kernel)}"
        )
    use_bias = bias is not None
    layer = keras.layers.Dense(kernel.shape[1], use_bias=use_bias, name=build.name)
    biases = [] if bias is None else [bias]
    rows = kernel[feature_order(value)]
    tensor = build.apply(layer, value.tensor, rows, *biases)
    return Value(
        tensor,
        plain_order(value.rank)
        if value.rank == 2 and not value.is_whole
        else value.order,
    )


KERNELS: dict[str, Rebuild] = {
    "Conv": convolution,
    "ConvTranspose": transposed_convolution,
    "BatchNormalization": batch_normalization,
    "Gemm": gemm,
}
