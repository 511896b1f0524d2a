"""Likely causes of the error that a layer adds when it is quantized.

In: statistics of the layer's tensors and weights. Out: one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

SMALL_ERROR = 20.0  # decibels; better layers need no cause
OUTLIER = 16.0  # times the range of quiet channels: four of eight bits are lost
QUIET = 25  # percentile of the channels' ranges
LONE_EXAMPLE = 2.0  # times the second largest range of an example
TINY_VARIANCE = 1e-3  # times the median variance of a normalization
SATURATED = 0.01
FIXED_SCALES = ("SOFTMAX", "LOGISTIC", "TANH")


@dataclass(frozen=True)
class Norm:
    """Statistics of a batch normalization.

    Args:
        name: of the layer.
        variance: moving variance per channel.
        gain: what each channel is multiplied by.
    """

    name: str
    variance: np.ndarray
    gain: np.ndarray


@dataclass
class TensorStatistics:
    """Ranges of a float tensor over examples.

    Args:
        channels: largest absolute value of each channel.
        examples: largest absolute value of each example.
    """

    channels: np.ndarray = field(default_factory=lambda: np.zeros(1))
    examples: list[float] = field(default_factory=list)

    def add(self, value: np.ndarray) -> None:
        """Add one example, `(1, ..., channels)`."""
        size = np.abs(value).reshape(-1, value.shape[-1]).max(0)
        self.channels = np.maximum(self.channels, size)
        self.examples.append(float(size.max()))

    @property
    def outlier(self) -> tuple[int, float]:
        """The channel with the largest range, and its ratio to quiet channels."""
        used = self.channels[self.channels > 0]
        if len(used) < 2:
            return 0, 1.0
        quiet = float(np.percentile(used, QUIET))
        return int(self.channels.argmax()), float(used.max()) / quiet

    @property
    def lone_example(self) -> tuple[int, float]:
        """The example that sets the range, and its ratio to the next one."""
        if len(self.examples) < 2:
            return 0, 1.0
        order = np.argsort(self.examples)
        second = max(self.examples[order[-2]], 1e-30)
        return int(order[-1]), self.examples[order[-1]] / second


def likely_cause(
    kind: str,
    decibels: float,
    saturated: float,
    inputs: Mapping[str, TensorStatistics],
    output: TensorStatistics,
    kernel: tuple[int, np.ndarray] | None,
    norm: Norm | None,
    norms: Mapping[str, Norm],
) -> str:
    """Name the likely cause of an operator's error.

    Args:
        kind: of the operator.
        decibels: signal-to-noise ratio that it adds.
        saturated: fraction of its float outputs out of range.
        inputs: layer -> statistics of the input that it makes.
        output: statistics of the output.
        kernel: number of scales of the kernel, and its range per channel; None if
            there is no kernel.
        norm: the batch normalization after the layer, or None.
        norms: layer -> the batch normalization after it.

    Returns:
        A sentence; empty where the error is small and nothing is saturated.
    """
    if decibels >= SMALL_ERROR and saturated < SATURATED:
        return ""
    if kind in FIXED_SCALES:
        return f"{kind.lower()} scale: its output has fixed steps of 1/256 or 1/128"
    if saturated >= SATURATED:
        return f"clipping: {saturated:.1%} of the outputs are out of the int8 range"
    for cause in (
        _range_cause("output", output, norm),
        *(_range_cause(f"input from {n}", s, norms.get(n)) for n, s in inputs.items()),
    ):
        if cause:
            return cause
    if kernel is not None and kernel[0] == 1:
        ranges = kernel[1][kernel[1] > 0]
        if len(ranges) > 1 and ranges.max() / np.percentile(ranges, QUIET) >= OUTLIER:
            return "one scale for a kernel whose channels have very different ranges"
    return "rounding: no single channel or example stands out"


def _range_cause(place: str, tensor: TensorStatistics, norm: Norm | None) -> str:
    channel, ratio = tensor.outlier
    if ratio >= OUTLIER:
        cause = _norm_cause(norm, channel)
        return cause or (
            f"outlier channel: {place} has channel {channel} with {ratio:.0f} times "
            "the range of quiet ones"
        )
    number, ratio = tensor.lone_example
    if ratio >= LONE_EXAMPLE:
        return (
            f"range set by one example: calibration example {number} has {ratio:.1f} "
            f"times the {place} range of the next one"
        )
    return ""


def _norm_cause(norm: Norm | None, channel: int) -> str:
    """A channel that is loud because its normalization divides by almost nothing."""
    if norm is None or channel >= len(norm.variance):
        return ""
    variance = float(norm.variance[channel])
    median = float(np.median(norm.variance))
    loud = norm.gain[channel] >= OUTLIER * np.percentile(norm.gain, QUIET)
    if variance < TINY_VARIANCE * median and loud:
        return (
            f"tiny batch-norm variance: {norm.name} has {variance:.2g} in channel "
            f"{channel}, {median:.2g} in the median"
        )
    return ""
