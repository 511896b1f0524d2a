"""Int16 activations for single layers of an int8 file.

In: an int8 file, and its float file with observed ranges. Out: the int8 file in which
the outputs of some layers are int16: by the layer itself, which reads and writes int16,
and by the layers that read them. Weights stay int8. TensorFlow is not imported.

The converter has int16 activations for the whole file only (the export `int16x8`). The
runtime has kernels for both, and its QUANTIZE operator converts between them.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from typing import Any

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from pipeline.compress.adjust import graph
from pipeline.compress.adjust.graph import LINEAR, Operator
from pipeline.compress.tflite.inspect import operator_name, parse
from pipeline.compress.tflite.strip import pack
from pipeline.core.errors import UserError

# Kinds with int16 kernels in LiteRT -> the version of the operator that has them.
VERSIONS = {
    "ADD": 3,
    "AVERAGE_POOL_2D": 3,
    "CONV_2D": 5,
    "DEPTHWISE_CONV_2D": 6,
    "FULLY_CONNECTED": 9,
    "MAX_POOL_2D": 3,
    "RESHAPE": 1,
}
# Kinds whose output has the scale of their input.
SAME_SCALE = ("AVERAGE_POOL_2D", "MAX_POOL_2D", "RESHAPE")
LIMIT = 32767
INT8, INT16 = schema.TensorType.INT8, schema.TensorType.INT16
QUANTIZE = schema.BuiltinOperator.QUANTIZE


def widen(content: bytes, reference: bytes, layers: Sequence[str]) -> bytes:
    """Give layers int16 output.

    Args:
        content: bytes of an int8 file.
        reference: bytes of its float file with observed ranges and the same names.
        layers: names of linear layers.

    Returns:
        Bytes of the file.

    Raises:
        UserError: when a layer, or none of those that read it, has an int16 kernel.
    """
    model = parse(content)
    listed = graph.operators(model)
    chosen: dict[int, Operator] = {}
    for layer in layers:
        operator = _operator(layer, listed)
        readers = [o for o in listed if operator.output in o.inputs]
        chosen |= {o.number: o for o in (operator, *_supported(layer, readers))}
    _Widened(model, _ranges(reference)).rewrite(listed, chosen)
    return pack(model, len(content))


def _operator(layer: str, listed: Sequence[Operator]) -> Operator:
    for operator in listed:
        if layer in operator.layers and operator.kind in LINEAR:
            return operator
    raise UserError(
        f"int16_activations: no convolution or dense operator of the file comes from "
        f'layer "{layer}"; name a layer with weights'
    )


def _supported(layer: str, readers: Sequence[Operator]) -> list[Operator]:
    supported = [reader for reader in readers if reader.kind in VERSIONS]
    if readers and not supported:
        kinds = ", ".join(sorted({reader.kind for reader in readers}))
        raise UserError(
            f'int16_activations: the output of layer "{layer}" is read by {kinds}, '
            f"which has no int16 kernel here; use keep_float({layer})"
        )
    return supported


def _ranges(reference: bytes) -> dict[str, float]:
    """Tensor name -> its largest observed absolute value."""
    ranges = {}
    for tensor in parse(reference).subgraphs[0].tensors:
        observed = tensor.quantization
        if observed is not None and observed.min is not None:
            ends = (*observed.min, *observed.max)
            ranges[(tensor.name or b"").decode()] = max(abs(float(v)) for v in ends)
    return ranges


class _Widened:
    """A file whose operators are rewritten one after another."""

    def __init__(self, model: Any, ranges: dict[str, float]):
        self.model, self.ranges = model, ranges
        self.main = model.subgraphs[0]
        self.wide: dict[int, int] = {}  # int8 tensor -> its int16 counterpart
        self.operators: list[Any] = []

    def rewrite(self, listed: Sequence[Operator], chosen: dict[int, Operator]) -> None:
        """Rewrite the chosen operators, and convert at their borders."""
        sources = list(self.main.operators)
        for operator in listed:
            source = sources[operator.number]
            if operator.number not in chosen:
                self.operators.append(source)
                continue
            self._widen(operator, source)
            others = [o for o in listed if o.number not in chosen]
            outer = set(map(int, self.main.outputs))
            narrow = {index for o in others for index in o.inputs} | outer
            if operator.output in narrow:
                self._convert(self.wide[operator.output], operator.output)
        self.main.operators = self.operators

    def _widen(self, operator: Operator, source: Any) -> None:
        """Append an operator with int16 inputs and output."""
        for index in operator.inputs:
            if index not in self.wide:
                self.wide[index] = self._tensor(index)
                self._convert(index, self.wide[index])
        wide = self.wide[operator.output] = self._tensor(operator.output)
        if operator.kind in SAME_SCALE:
            source_tensor = self.main.tensors[self.wide[operator.inputs[0]]]
            self.main.tensors[wide].quantization = source_tensor.quantization
        widened = copy(source)
        widened.opcodeIndex = self._code(operator.kind)
        inputs = [self.wide.get(int(i), int(i)) for i in source.inputs]
        if operator.kind in LINEAR:
            inputs = self._with_bias(inputs, source)
        elif operator.kind == "ADD":
            widened.builtinOptions = copy(source.builtinOptions)
            widened.builtinOptions.potScaleInt16 = False
        widened.inputs = np.array(inputs, np.int32)
        widened.outputs = np.array([wide], np.int32)
        self.operators.append(widened)

    def _tensor(self, index: int) -> int:
        """Add an int16 tensor for an int8 one, with the range observed in float."""
        source = self.main.tensors[index]
        old = source.quantization
        scale, zero = float(old.scale[0]), int(old.zeroPoint[0])
        name = (source.name or b"").decode()
        peak = self.ranges.get(name, scale * max(127 - zero, 128 + zero))
        tensor = copy(source)
        tensor.type, tensor.name = INT16, f"{name}{graph.WIDE}".encode()
        tensor.quantization = copy(old)
        tensor.quantization.scale = np.array([max(peak, 1e-12) / LIMIT], np.float32)
        tensor.quantization.zeroPoint = np.zeros(1, np.int64)
        return self._add(tensor)

    def _with_bias(self, inputs: list[int], source: Any) -> list[int]:
        """Replace an int32 bias by int64 with the scale of the int16 input."""
        if len(inputs) < 3 or inputs[2] < 0:
            return inputs
        old = self.main.tensors[inputs[2]]
        x, kernel = (self.main.tensors[index].quantization for index in inputs[:2])
        scale = np.asarray(kernel.scale, np.float64) * float(x.scale[0])
        before = self.main.tensors[int(source.inputs[0])].quantization
        data = np.asarray(self.model.buffers[old.buffer].data, np.uint8).view(np.int32)
        ratio = float(before.scale[0]) / float(x.scale[0])
        values = np.round(data * ratio).astype(np.int64)
        bias = copy(old)
        bias.buffer = graph.add_buffer(self.model, values)
        bias.type = schema.TensorType.INT64
        bias.quantization = copy(old.quantization)
        bias.quantization.scale = scale.astype(np.float32)
        return [*inputs[:2], self._add(bias), *inputs[3:]]

    def _convert(self, source: int, target: int) -> None:
        """Append a QUANTIZE operator between two tensors."""
        operator = schema.OperatorT()
        operator.opcodeIndex = self._code("QUANTIZE", 2)
        operator.inputs = np.array([source], np.int32)
        operator.outputs = np.array([target], np.int32)
        operator.builtinOptionsType = schema.BuiltinOptions.QuantizeOptions
        operator.builtinOptions = schema.QuantizeOptionsT()
        self.operators.append(operator)

    def _code(self, kind: str, version: int = 0) -> int:
        """Index of the operator code of a kind, with a version for int16."""
        version = version or VERSIONS[kind]
        for number, code in enumerate(self.model.operatorCodes):
            if operator_name(code) == kind and code.version >= version:
                return number
        code = schema.OperatorCodeT()
        code.builtinCode = getattr(schema.BuiltinOperator, kind)
        code.deprecatedBuiltinCode = min(code.builtinCode, 127)
        code.version = version
        self.model.operatorCodes.append(code)
        return len(self.model.operatorCodes) - 1

    def _add(self, tensor: Any) -> int:
        self.main.tensors.append(tensor)
        return len(self.main.tensors) - 1
