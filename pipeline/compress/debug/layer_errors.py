"""Error that each layer of an int8 file adds, and its likely cause.

In: an int8 file, the float file that it was quantized from, and examples. Out: one row
per operator, the one that adds the largest error first. TensorFlow is not imported.

A layer is run alone, in int8, on the float file's own inputs, and compared with the
float file's outputs. The error is averaged over channels as noise divided by signal, at
most 1 each: one loud channel would hide that all others are lost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from pipeline.compress.adjust import graph
from pipeline.compress.adjust.graph import CONVERSIONS, Operator, original_name
from pipeline.compress.debug.causes import Norm, TensorStatistics, likely_cause
from pipeline.compress.tflite.inspect import parse
from pipeline.inference.interpreter import dequantize, quantize

LOWEST_NOISE = 1e-12  # divided by the signal: 120 dB


@dataclass(frozen=True)
class LayerError:
    """Error of one operator.

    Args:
        layer: the layer that it comes from, or the name of its output.
        operator: its kind.
        added_db: signal-to-noise ratio of its output in decibels, on float inputs: a
            low one is a large error that the layer itself adds.
        total_db: the same on the inputs that the int8 file has there, errors of all
            layers before it included.
        saturated: fraction of the float outputs that are out of the int8 range, 0 .. 1.
        cause: likely cause; empty where the error is small.
    """

    layer: str
    operator: str
    added_db: float
    total_db: float
    saturated: float
    cause: str

    def to_json(self) -> dict[str, Any]:
        """Return a JSON object."""
        return asdict(self)


def layer_errors(
    content: bytes,
    reference: bytes,
    examples: np.ndarray,
    others: np.ndarray,
    norms: Mapping[str, Norm],
) -> list[LayerError]:
    """Measure the error that each operator adds.

    Args:
        content: bytes of an int8 file, with its tensor names.
        reference: bytes of its float file, with the same names.
        examples: model inputs `(n, ...)`, those of calibration.
        others: model inputs `(m, ...)` that calibration did not see; saturation is
            counted on them.
        norms: layer -> statistics of the batch normalization after it.

    Returns:
        One row per operator that both files have, the largest error first.
    """
    analysis = _Analysis(content, reference)
    analysis.measure(examples)
    analysis.count_saturated(others)
    rows = [analysis.row(operator, norms) for operator in analysis.compared]
    return sorted(rows, key=lambda row: row.added_db)


class _Noise:
    """Sums of signal and noise per channel."""

    def __init__(self) -> None:
        self.sums: dict[str, np.ndarray] = {}
        self.count = 0

    def add(self, expected: np.ndarray, actual: np.ndarray) -> None:
        """Add one example, `(1, ..., channels)`."""
        x = expected.reshape(-1, expected.shape[-1]).astype(np.float64)
        error = x - actual.reshape(x.shape)
        parts = {"x": x.sum(0), "x2": (x**2).sum(0), "noise": (error**2).sum(0)}
        self.sums = {k: self.sums.get(k, 0.0) + value for k, value in parts.items()}
        self.count += len(x)

    @property
    def decibels(self) -> float:
        """Signal-to-noise ratio, averaged over the channels that carry a signal."""
        variance = self.sums["x2"] / self.count - (self.sums["x"] / self.count) ** 2
        power = self.sums["x2"] / self.count
        used = variance > 1e-9 * np.maximum(power, 1e-30)
        if not used.any():
            return -10 * float(np.log10(LOWEST_NOISE))
        noise = self.sums["noise"][used] / self.count / variance[used]
        ratio = max(float(np.minimum(noise, 1).mean()), LOWEST_NOISE)
        return float(-10 * np.log10(ratio))


class _Analysis:
    """Both files, operator by operator."""

    def __init__(self, content: bytes, reference: bytes):
        self.content, self.reference = content, reference
        self.int8, self.float = parse(content), parse(reference)
        self.sources = {o.name: o for o in graph.operators(self.float)}
        self.compared = [
            operator
            for operator in graph.operators(self.int8)
            if operator.kind not in CONVERSIONS
            and original_name(operator.name) in self.sources
        ]
        self.float_inputs = set(map(int, self.float.subgraphs[0].inputs))
        numbers = [o.number for o in self.compared]
        self.added = {number: _Noise() for number in numbers}
        self.total = {number: _Noise() for number in numbers}
        self.outside = dict.fromkeys(numbers, 0.0)
        self.statistics: dict[int, TensorStatistics] = {}
        tensors = {i for o in self.sources.values() for i in (*o.inputs, *o.outputs)}
        self.tensors = sorted(tensors - self.float_inputs)

    def measure(self, examples: np.ndarray) -> None:
        """Run all examples through both files."""
        outputs = [operator.output for operator in self.compared]
        runners = {
            o.number: graph.Runner(graph.alone(self.int8, o)) for o in self.compared
        }
        actual = graph.activations(self.content, outputs, examples)
        for values, results in zip(self._float_values(examples), actual, strict=True):
            self._observe(values)
            for operator, result in zip(self.compared, results, strict=True):
                source = self._source(operator)
                inputs = [values[index] for index in source.inputs]
                alone = runners[operator.number].run(_ordered(operator, inputs))
                expected = values[source.output]
                self.added[operator.number].add(expected, alone[0])
                self.total[operator.number].add(expected, result)

    def count_saturated(self, examples: np.ndarray) -> None:
        """Count float outputs that the int8 tensors cannot represent."""
        for values in self._float_values(examples):
            for operator in self.compared:
                value = values[self._source(operator).output]
                share = _outside(value, graph.details(self.int8, operator.output))
                self.outside[operator.number] += share / len(examples)

    def row(self, operator: Operator, norms: Mapping[str, Norm]) -> LayerError:
        """The row of one operator."""
        number, source = operator.number, self._source(operator)
        added = self.added[number].decibels
        inputs = {
            self._layer_of(index): self.statistics[index]
            for index in source.inputs
            if index in self.statistics
        }
        cause = likely_cause(
            kind=operator.kind,
            decibels=added,
            saturated=self.outside[number],
            inputs=inputs,
            output=self.statistics[source.output],
            kernel=_kernel(self.int8, operator),
            norm=norms.get(operator.layer),
            norms=norms,
        )
        return LayerError(
            layer=operator.layer or operator.name,
            operator=operator.kind,
            added_db=round(added, 1),
            total_db=round(self.total[number].decibels, 1),
            saturated=round(self.outside[number], 6),
            cause=cause,
        )

    def _source(self, operator: Operator) -> Operator:
        return self.sources[original_name(operator.name)]

    def _float_values(self, examples: np.ndarray) -> Any:
        """Per example, tensor of the float file -> its value."""
        stored = graph.activations(self.reference, self.tensors, examples)
        for example, values in zip(examples, stored, strict=True):
            source = dict.fromkeys(self.float_inputs, example[None])
            yield {**source, **dict(zip(self.tensors, values, strict=True))}

    def _observe(self, values: Mapping[int, np.ndarray]) -> None:
        for index, value in values.items():
            if np.issubdtype(value.dtype, np.floating):
                self.statistics.setdefault(index, TensorStatistics()).add(value)

    def _layer_of(self, tensor: int) -> str:
        for operator in self.sources.values():
            if tensor in operator.outputs:
                return operator.layer or operator.name
        return "the input"


def _ordered(operator: Operator, inputs: Sequence[np.ndarray]) -> list[np.ndarray]:
    """Inputs of a float operator for its int8 counterpart, which has as many."""
    return list(inputs[: len(operator.inputs)])


def _outside(value: np.ndarray, details: Mapping[str, Any]) -> float:
    """Fraction of values that an integer tensor cannot represent."""
    scale, _ = details["quantization"]
    if not scale:
        return 0.0
    back = dequantize(quantize(value.astype(np.float32), details), details)
    return float(np.mean(np.abs(back - value) > scale))


def _kernel(model: Any, operator: Operator) -> tuple[int, np.ndarray] | None:
    """Number of scales of an operator's int8 kernel, and its ranges per channel."""
    source = model.subgraphs[0].operators[operator.number]
    if len(source.inputs) < 2:
        return None
    tensor = model.subgraphs[0].tensors[int(source.inputs[1])]
    data = model.buffers[tensor.buffer].data
    if data is None or tensor.quantization is None or len(tensor.shape) < 2:
        return None
    if tensor.quantization.scale is None or len(data) != np.prod(tensor.shape):
        return None
    values = np.abs(np.asarray(data, np.uint8).view(np.int8).astype(np.int32))
    axis = 3 if operator.kind == "DEPTHWISE_CONV_2D" else 0
    ranges = np.moveaxis(values.reshape(tensor.shape), axis, 0)
    return len(tensor.quantization.scale), ranges.reshape(len(ranges), -1).max(1)
