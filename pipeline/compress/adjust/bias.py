"""Bias correction: give each channel of an int8 file the mean of the float model.

In: an int8 file, the float file it was made from, and examples. Out: the int8 file with
other biases. TensorFlow is not imported.

Rounding of weights and clipping of activations shift the mean output of a channel. The
shift of a linear layer is measured on its mean input in the int8 file, and is
subtracted from the bias, layer after layer (Nagel et al., Data-Free Quantization
Through Weight Equalization and Bias Correction, 2019, appendix D).
"""

from __future__ import annotations

from copy import copy
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from pipeline.compress.adjust import graph
from pipeline.compress.adjust.graph import LINEAR, Operator, original_name
from pipeline.compress.tflite import cost
from pipeline.compress.tflite.inspect import parse
from pipeline.compress.tflite.strip import pack
from pipeline.inference.interpreter import dequantize, quantize

EXAMPLES = 128  # maximum; means need no more
INT8, INT32 = schema.TensorType.INT8, schema.TensorType.INT32
NO_ACTIVATION = schema.ActivationFunctionType.NONE


def correct(content: bytes, reference: bytes, examples: np.ndarray) -> bytes:
    """Correct the biases of all linear operators.

    Args:
        content: bytes of an int8 file.
        reference: bytes of its float file, with the same tensor names.
        examples: model inputs `(n, ...)`; at most 128 are used.

    Returns:
        Bytes of the corrected file.
    """
    model, source = parse(content), parse(reference)
    examples = examples[:EXAMPLES]
    expected = _Expected(source, reference, examples)
    values = _Values(model, examples)
    for operator in graph.operators(model):
        source_operator = expected.operators.get(original_name(operator.name))
        if source_operator and _is_correctable(operator, model):
            x = values.mean(operator.inputs[0])
            shift = _shift(operator, model, x, expected, source_operator)
            _subtract(operator, model, shift)
        values.add(operator)
    return pack(model, len(content))


class _Expected:
    """Mean inputs and outputs of the operators of the float file."""

    def __init__(self, model: Any, content: bytes, examples: np.ndarray):
        self.model = model
        linear = [o for o in graph.operators(model) if o.kind in LINEAR]
        self.operators = {o.name: o for o in linear if len(o.inputs) == 1}
        indices = sorted({o.inputs[0] for o in self.operators.values()})
        self.means = dict(zip(indices, _means(content, indices, examples)))

    def output(self, operator: Operator) -> np.ndarray:
        """Mean output per channel of a float operator, before its activation."""
        return self.with_kernel(operator, self.means[operator.inputs[0]], {})

    def with_kernel(
        self, operator: Operator, x: np.ndarray, stored: dict[int, np.ndarray]
    ) -> np.ndarray:
        """Mean output per channel on `x` with other stored values.

        Args:
            operator: of the float file.
            x: one example with a batch of one.
            stored: position among the operator's inputs -> float values.
        """
        single, main = copy(self.model), copy(self.model.subgraphs[0])
        source = copy(main.operators[operator.number])
        source.builtinOptions = copy(source.builtinOptions)
        source.builtinOptions.fusedActivationFunction = NO_ACTIVATION
        single.buffers, main.tensors = list(single.buffers), list(main.tensors)
        source.inputs = np.array(source.inputs)
        for position, values in stored.items():
            index = int(source.inputs[position])
            _store(single, main, index, values.astype(np.float32))
        main.operators = list(main.operators)
        main.operators[operator.number] = source
        single.subgraphs = [main, *single.subgraphs[1:]]
        (output,) = graph.Runner(graph.alone(single, operator)).run([x])
        channels: np.ndarray = output.reshape(-1, output.shape[-1]).mean(0)
        return channels


class _Values:
    """Stored values of the tensors of an int8 file on all examples, layer by layer."""

    def __init__(self, model: Any, examples: np.ndarray):
        self.model = model
        self.last = {
            i: end for i, (_, end) in cost.lifetimes(model.subgraphs[0]).items()
        }
        index = int(model.subgraphs[0].inputs[0])
        stored = quantize(examples, graph.details(model, index))
        self.values = {index: list(stored[:, None])}

    def mean(self, index: int) -> np.ndarray:
        """Mean of a tensor over the examples, dequantized."""
        details = graph.details(self.model, index)
        values = (dequantize(value, details) for value in self.values[index])
        stacked = np.stack(list(values)).astype(np.float64)
        return np.asarray(stacked.mean(axis=0), np.float32)

    def add(self, operator: Operator) -> None:
        """Run an operator on all examples, and drop what no later one reads."""
        runner = graph.Runner(graph.alone(self.model, operator))
        inputs = zip(*(self.values[index] for index in operator.inputs), strict=True)
        results = [runner.run_stored(values) for values in inputs]
        for index, values in zip(operator.outputs, zip(*results), strict=True):
            self.values[index] = list(values)
        for index in operator.inputs:
            if self.last[index] <= operator.number:
                self.values.pop(index, None)


def _means(
    content: bytes, indices: list[int], examples: np.ndarray
) -> list[np.ndarray]:
    """Means over the examples of tensors of the float file, the input among them."""
    outer = [int(index) for index in parse(content).subgraphs[0].inputs]
    inner = [index for index in indices if index not in outer]
    totals = [np.zeros(1)] * len(inner)
    for values in graph.activations(content, inner, examples) if inner else ():
        totals = [t + value for t, value in zip(totals, values, strict=True)]
    means = dict(zip(inner, [total / len(examples) for total in totals]))
    source = examples.astype(np.float32).mean(0, keepdims=True)
    return [means.get(index, source).astype(np.float32) for index in indices]


def _is_correctable(operator: Operator, model: Any) -> bool:
    """Return whether an operator has an int8 kernel and one int8 or int16 input."""
    if operator.kind not in LINEAR or len(operator.inputs) != 1:
        return False
    tensors, inputs = model.subgraphs[0].tensors, _inputs(operator, model)
    integer = (INT8, schema.TensorType.INT16)
    return tensors[inputs[1]].type == INT8 and tensors[inputs[0]].type in integer


def _shift(
    operator: Operator, model: Any, x: np.ndarray, expected: _Expected, source: Operator
) -> np.ndarray:
    """Mean output per channel of the int8 operator less that of the float one."""
    inputs = _inputs(operator, model)
    kernel = model.subgraphs[0].tensors[inputs[1]]
    stored = {1: _kernel(kernel, model)}
    bias = _bias(operator, model)
    float_inputs = _inputs(source, expected.model)
    if len(float_inputs) > 2 and float_inputs[2] >= 0:
        stored[2] = np.zeros_like(bias)
    actual = expected.with_kernel(source, x, stored) + bias
    return actual - expected.output(source)


def _inputs(operator: Operator, model: Any) -> list[int]:
    source = model.subgraphs[0].operators[operator.number]
    return [int(index) for index in source.inputs]


def _kernel(tensor: Any, model: Any) -> np.ndarray:
    """Dequantize a kernel, with one scale or one per channel."""
    data = np.asarray(model.buffers[tensor.buffer].data, np.uint8).view(np.int8)
    quantization = tensor.quantization
    shape = [1] * len(tensor.shape)
    shape[int(quantization.quantizedDimension)] = -1
    scales = np.asarray(quantization.scale, np.float32).reshape(shape)
    return data.reshape(tensor.shape).astype(np.float32) * scales


def _bias_scale(operator: Operator, model: Any) -> np.ndarray:
    """Scale of the bias per output channel: that of the input times the kernel's."""
    tensors = model.subgraphs[0].tensors
    inputs = _inputs(operator, model)
    x, kernel = (tensors[index].quantization.scale for index in inputs[:2])
    return np.asarray(kernel, np.float64) * float(x[0])


def _bias(operator: Operator, model: Any) -> np.ndarray:
    """The bias in float, per output channel; zeros without one."""
    inputs = _inputs(operator, model)
    scale = _bias_scale(operator, model)
    if len(inputs) < 3 or inputs[2] < 0:
        return np.zeros(_channels(operator, model))
    tensor = model.subgraphs[0].tensors[inputs[2]]
    dtype = np.int32 if tensor.type == INT32 else np.int64
    data = np.asarray(model.buffers[tensor.buffer].data, np.uint8).view(dtype)
    return data * scale


def _channels(operator: Operator, model: Any) -> int:
    return int(model.subgraphs[0].tensors[operator.output].shape[-1])


def _subtract(operator: Operator, model: Any, shift: np.ndarray) -> None:
    """Subtract a shift from the bias, in a tensor that no other operator reads."""
    main = model.subgraphs[0]
    scale = _bias_scale(operator, model)
    values = np.round((_bias(operator, model) - shift) / scale)
    source = main.operators[operator.number]
    inputs = _inputs(operator, model)
    wide = main.tensors[inputs[0]].type == schema.TensorType.INT16
    limit = np.iinfo(np.int64 if wide else np.int32).max // 2
    values = np.clip(values, -limit, limit).astype(np.int64 if wide else np.int32)
    if len(inputs) < 3 or inputs[2] < 0:
        inputs = [*inputs[:2], _new_bias(model, operator, scale, wide)]
    elif sum(inputs[2] in other.inputs for other in main.operators) > 1:
        main.tensors.append(copy(main.tensors[inputs[2]]))
        inputs[2] = len(main.tensors) - 1
    source.inputs = np.array(inputs, np.int32)
    _store(model, main, inputs[2], values)


def _new_bias(model: Any, operator: Operator, scale: np.ndarray, wide: bool) -> int:
    """Add a tensor for the bias of an operator without one; return its index."""
    main, tensor = model.subgraphs[0], schema.TensorT()
    tensor.name = f"{operator.name}/bias".encode()
    tensor.type = schema.TensorType.INT64 if wide else INT32
    tensor.shape = np.array([_channels(operator, model)], np.int32)
    tensor.quantization = schema.QuantizationParametersT()
    tensor.quantization.scale = scale.astype(np.float32)
    tensor.quantization.zeroPoint = np.zeros(len(scale), np.int64)
    main.tensors.append(tensor)
    return len(main.tensors) - 1


def _store(model: Any, main: Any, index: int, values: np.ndarray) -> None:
    """Store new values of a tensor in a new buffer."""
    main.tensors[index] = copy(main.tensors[index])
    main.tensors[index].buffer = graph.add_buffer(model, values)
