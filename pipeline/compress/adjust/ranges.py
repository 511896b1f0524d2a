"""Ranges of activations by a percentile or by the mean squared error.

In: a float .tflite file with observed minimum and maximum of each activation, and
examples. Out: the same file with other ranges. Inputs and outputs of the file keep
theirs. TensorFlow is not imported.

The range of least mean squared error balances rounding against clipping (Banner et al.,
Post training 4-bit quantization of convolutional networks for rapid-deployment, 2019;
Nagel et al., A White Paper on Neural Network Quantization, 2021, section 3.1).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from pipeline.compress.adjust import graph
from pipeline.compress.adjust.options import Options
from pipeline.compress.tflite.inspect import parse
from pipeline.compress.tflite.strip import pack

BINS = 4096
STEPS = 255  # of int8
FACTORS = np.linspace(1.0, 0.05, 96)  # of the observed ends
SWEEPS = 2  # over both ends


def adjust(content: bytes, examples: np.ndarray, options: Options) -> bytes:
    """Set the ranges of all inner activations.

    Args:
        content: bytes of the calibrated float file.
        examples: model inputs `(n, ...)`.
        options: percentile or mean squared error; with neither, nothing changes.

    Returns:
        Bytes of the file.
    """
    if options.percentile is None and not options.mse:
        return content
    model = parse(content)
    tensors = model.subgraphs[0].tensors
    indices = _inner(model)
    for index, counts in _histograms(content, indices, examples).items():
        low, high = _observed(tensors[index])
        centers = low + (np.arange(BINS) + 0.5) * (high - low) / BINS
        if options.percentile is not None:
            limits = between_percentiles(counts, low, high, options.percentile)
        else:
            limits = least_error(counts, centers, low, high)
        quantization = tensors[index].quantization
        quantization.min, quantization.max = ([float(limit)] for limit in limits)
    return pack(model, len(content))


def between_percentiles(
    counts: np.ndarray, low: float, high: float, percentile: float
) -> tuple[float, float]:
    """Return the range without the values beyond a percentile at either end.

    Args:
        counts: histogram of equal bins between `low` and `high`.
        low: minimum.
        high: maximum.
        percentile: 50 .. 100.
    """
    total = np.cumsum(counts)
    tail = (1 - percentile / 100) * total[-1]
    first = int(np.searchsorted(total, tail, side="right"))
    last = int(np.searchsorted(total, total[-1] - tail, side="left"))
    width = (high - low) / len(counts)
    new_low = low if low == 0 else low + first * width
    new_high = high if high == 0 else low + (last + 1) * width
    return (new_low, new_high) if new_low < new_high else (low, high)


def least_error(
    counts: np.ndarray, centers: np.ndarray, low: float, high: float
) -> tuple[float, float]:
    """Return the range with the least mean squared error of int8.

    Args:
        counts: histogram.
        centers: values of its bins.
        low: minimum.
        high: maximum.
    """

    def error(begin: float, end: float) -> float:
        scale = (end - begin) / STEPS
        rounded = np.round((np.clip(centers, begin, end) - begin) / scale) * scale
        return float(counts @ (centers - begin - rounded) ** 2)

    begin, end = min(low, 0.0), max(high, 0.0)  # a range always contains zero
    lows, highs = FACTORS * begin, FACTORS * end
    for _ in range(SWEEPS):
        if end > 0:
            end = min(highs, key=lambda value: error(begin, value))
        if begin < 0:
            begin = min(lows, key=lambda value: error(value, end))
    return float(begin), float(end)


def _inner(model: Any) -> list[int]:
    """Tensors with an observed range that are neither input nor output."""
    main = model.subgraphs[0]
    outer = {int(index) for index in (*main.inputs, *main.outputs)}
    computed = {operator.output for operator in graph.operators(model)} - outer
    return [i for i in sorted(computed) if _has_range(main.tensors[i])]


def _has_range(tensor: Any) -> bool:
    quantization = tensor.quantization
    if quantization is None or quantization.min is None or len(quantization.min) != 1:
        return False
    low, high = _observed(tensor)
    return bool(low < high)


def _observed(tensor: Any) -> tuple[float, float]:
    return float(tensor.quantization.min[0]), float(tensor.quantization.max[0])


def _histograms(
    content: bytes, indices: list[int], examples: np.ndarray
) -> dict[int, np.ndarray]:
    tensors = parse(content).subgraphs[0].tensors
    limits = [_observed(tensors[index]) for index in indices]
    totals = {index: np.zeros(BINS) for index in indices}
    if not indices:
        return totals
    for values in graph.activations(content, indices, examples):
        for index, value, limit in zip(indices, values, limits, strict=True):
            totals[index] += np.histogram(np.clip(value, *limit), BINS, limit)[0]
    return totals
