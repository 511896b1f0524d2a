"""Hyperparameters that all model families share, and the layers built from them.

A family declares them with its own defaults, `building_blocks(hp, activation="relu6")`.
All are fixed unless the experiment sets them in `values`, except dropout, which is
searched. A unit is a layer with weights, then normalization, then activation: named
plain layers, so that every compression technique can handle them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.core.errors import did_you_mean
from pipeline.models.errors import ModelError

ACTIVATIONS = ("relu", "relu6", "leaky_relu", "sigmoid", "tanh", "swish", "gelu")
INITIALIZERS = (
    *("he_normal", "he_uniform", "glorot_uniform", "glorot_normal"),
    *("truncated_normal", "random_normal", "zeros"),
)
NORMALIZATIONS = ("none", "batch", "layer")
BATCH_NORM_MOMENTUM = 0.9  # Keras's 0.99 needs about 500 steps to settle
LEAKY_SLOPE = 0.1


@dataclass(frozen=True)
class BuildingBlocks:
    """The shared hyperparameters of one model, and its layers as methods.

    Methods take and return Keras tensors; `name` is the layer's name, and a unit
    calls its other layers `{name}_norm` and `{name}_act`.

    Args:
        width: multiplier of hidden layers' widths, above 0 and at most 16.
        depth: multiplier of the number of layers in a stage, above 0 and at most 16.
        activation: one of `ACTIVATIONS`.
        initializer: of kernels; one of `INITIALIZERS`.
        normalization: one of `NORMALIZATIONS`.
        dropout_rate: fraction of the features dropped before the output, 0 .. 0.95.
        l2: factor of the squared kernels added to the loss, 0 .. 1.
        bias: add a bias even where a normalization follows.
        declare_size: declares `embedding_size`, the length of an embedding's vector,
            with a default, and returns its value.

    Raises:
        ModelError: for a value outside these ranges; names what is allowed.
    """

    width: float
    depth: float
    activation: str
    initializer: str
    normalization: str
    dropout_rate: float
    l2: float
    bias: bool
    declare_size: Callable[[int], int] = lambda default: default

    def __post_init__(self) -> None:
        _check_choice("activation", self.activation, ACTIVATIONS)
        _check_choice("initializer", self.initializer, INITIALIZERS)
        _check_choice("normalization", self.normalization, NORMALIZATIONS)
        _check_range("width", self.width, 0, 16, exclude_low=True)
        _check_range("depth", self.depth, 0, 16, exclude_low=True)
        _check_range("dropout", self.dropout_rate, 0, 0.95)
        _check_range("l2", self.l2, 0, 1)

    def scale_width(self, count: int) -> int:
        """Multiply a number of units or filters by `width`; at least 1."""
        return max(1, round(count * self.width))

    def scale_depth(self, count: int) -> int:
        """Multiply a number of layers by `depth`; at least 1."""
        return max(1, round(count * self.depth))

    def conv(
        self,
        x: Any,
        filters: int,
        size: int | tuple[int, int],
        name: str,
        strides: int = 1,
        activate: bool = True,
    ) -> Any:
        """Apply a 2D convolution unit with padding "same".

        Args:
            x: `(batch, height, width, channels)`.
            filters: output channels, already scaled.
            size: kernel size in pixels.
            name: of the convolution.
            strides: in both directions; only they reduce height and width.
            activate: end with the activation.

        Returns:
            `(batch, ceil(height / strides), ceil(width / strides), filters)`.
        """

        def create(**options: Any) -> layers.Layer:
            return layers.Conv2D(filters, size, strides, padding="same", **options)

        return self._unit(x, create, name, activate)

    def conv1d(
        self,
        x: Any,
        filters: int,
        size: int,
        name: str,
        padding: str = "same",
        dilation: int = 1,
        activate: bool = True,
    ) -> Any:
        """Apply a 1D convolution unit along the steps of a sequence.

        Args:
            x: `(batch, steps, features)`.
            filters: output features, already scaled.
            size: kernel size in steps.
            name: of the convolution.
            padding: as in `keras.layers.Conv1D`.
            dilation: distance of the steps that the kernel reads; default 1.
            activate: end with the activation.

        Returns:
            `(batch, steps, filters)`; fewer steps with padding "valid".
        """

        def create(**options: Any) -> layers.Layer:
            spacing = {"dilation_rate": dilation} if dilation > 1 else {}
            options |= {"padding": padding, **spacing}
            return layers.Conv1D(filters, size, **options)

        return self._unit(x, create, name, activate)

    def depthwise(self, x: Any, size: int, name: str, strides: int = 1) -> Any:
        """Apply a unit that convolves each channel separately, with padding "same".

        Args:
            x: `(batch, height, width, channels)`.
            size: kernel size in pixels.
            name: of the convolution.
            strides: in both directions.

        Returns:
            `(batch, ceil(height / strides), ceil(width / strides), channels)`.
        """

        def create(
            kernel_initializer: Any, kernel_regularizer: Any, **options: Any
        ) -> layers.Layer:
            return layers.DepthwiseConv2D(
                size,
                strides,
                padding="same",
                depthwise_initializer=kernel_initializer,
                depthwise_regularizer=kernel_regularizer,
                **options,
            )

        return self._unit(x, create, name)

    def dense(self, x: Any, units: int, name: str, activate: bool = True) -> Any:
        """Apply a dense unit to the last axis.

        Args:
            x: `(batch, ..., features)`.
            units: output features, already scaled.
            name: of the dense layer.
            activate: end with the activation.

        Returns:
            `(batch, ..., units)`.
        """

        def create(**options: Any) -> layers.Layer:
            return layers.Dense(units, **options)

        return self._unit(x, create, name, activate)

    def kernel_options(self) -> dict[str, Any]:
        """Return initializer and regularizer as keyword arguments of a layer."""
        regularizer = keras.regularizers.L2(self.l2) if self.l2 else None
        return {
            "kernel_initializer": self.initializer,
            "kernel_regularizer": regularizer,
        }

    def normalize(self, x: Any, name: str) -> Any:
        """Apply the normalization over channels; the identity for "none"."""
        if self.normalization == "batch":
            return layers.BatchNormalization(momentum=BATCH_NORM_MOMENTUM, name=name)(x)
        if self.normalization == "layer":
            return layers.LayerNormalization(name=name)(x)
        return x

    def activate(self, x: Any, name: str) -> Any:
        """Apply the activation as its own layer, so that batch norms can be folded."""
        if self.activation == "leaky_relu":
            return layers.LeakyReLU(negative_slope=LEAKY_SLOPE, name=name)(x)
        if self.activation in ("relu", "relu6"):
            maximum = 6.0 if self.activation == "relu6" else None
            return layers.ReLU(max_value=maximum, name=name)(x)
        return layers.Activation(self.activation, name=name)(x)

    def dropout(self, x: Any, name: str = "dropout") -> Any:
        """Apply dropout; the identity at a rate of 0."""
        if not self.dropout_rate:
            return x
        return layers.Dropout(self.dropout_rate, seed=1, name=name)(x)

    def _unit(
        self,
        x: Any,
        create: Callable[..., layers.Layer],
        name: str,
        activate: bool = True,
    ) -> Any:
        bias = self.bias or self.normalization == "none"
        x = create(use_bias=bias, name=name, **self.kernel_options())(x)
        x = self.normalize(x, f"{name}_norm")
        return self.activate(x, f"{name}_act") if activate else x


def building_blocks(
    hp: HyperParameters,
    activation: str = "relu",
    initializer: str = "he_normal",
    normalization: str = "batch",
    dropout: float = 0.2,
    l2: float = 0.0,
    bias: bool = False,
) -> BuildingBlocks:
    """Declare the shared hyperparameters, with a family's own defaults.

    Args:
        hp: receives all eight; `dropout` is searched from 0 to 0.4 in steps of 0.1.
        activation: default activation, one of `ACTIVATIONS`.
        initializer: default initializer of kernels, one of `INITIALIZERS`.
        normalization: default normalization, one of `NORMALIZATIONS`.
        dropout: default fraction of the features dropped before the output, 0 .. 0.95.
        l2: default factor of the squared kernels added to the loss, 0 .. 1.
        bias: by default, add a bias even where a normalization follows.

    Returns:
        The layers of a model with the values that `hp` holds.

    Raises:
        ModelError: for a value that is not allowed.
    """
    return BuildingBlocks(
        width=hp.Fixed("width", 1.0),
        depth=hp.Fixed("depth", 1.0),
        activation=hp.Fixed("activation", activation),
        initializer=hp.Fixed("initializer", initializer),
        normalization=hp.Fixed("normalization", normalization),
        dropout_rate=hp.Float("dropout", 0.0, 0.4, step=0.1, default=dropout),
        l2=hp.Fixed("l2", l2),
        bias=hp.Fixed("bias", bias),
        declare_size=lambda default: hp.Fixed("embedding_size", default),
    )


def _check_choice(name: str, value: Any, allowed: Sequence[str]) -> None:
    if value not in allowed:
        hint = did_you_mean(str(value), allowed)
        names = ", ".join(allowed)
        raise ModelError(f'values.{name}: no "{value}"{hint} (there are: {names})')


def _check_range(
    name: str, value: float, low: float, high: float, exclude_low: bool = False
) -> None:
    if not (low < value <= high or (value == low and not exclude_low)):
        minimum = f"more than {low}" if exclude_low else f"at least {low}"
        raise ModelError(
            f"values.{name}: must be {minimum} and at most {high}; received {value}"
        )
