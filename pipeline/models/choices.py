"""What a user may choose in every family, and the units built from it.

A family declares them with its own defaults, `choose(hp, activation="relu6")`.
Most are fixed unless the experiment says otherwise (`values`); dropout is
searched. A unit is a layer with weights, then normalization, then activation:
plain layers with names, so that every technique of compression can read them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import keras
from keras import layers
from keras_tuner import HyperParameters

from pipeline.core.errors import nearest
from pipeline.models.mistakes import Mistake

ACTIVATIONS = ("relu", "relu6", "leaky_relu", "sigmoid", "tanh", "swish", "gelu")
INITIALIZERS = (
    *("he_normal", "he_uniform", "glorot_uniform", "glorot_normal"),
    *("truncated_normal", "random_normal", "zeros"),
)
NORMALIZATIONS = ("none", "batch", "layer")
MOMENTUM = 0.9  # of batch statistics; Keras's 0.99 needs some 500 steps to settle


@dataclass(frozen=True)
class Choices:
    """The shared choices of one model.

    Args:
        width: multiplies the width of every hidden layer.
        depth: multiplies the number of layers in a stage.
        dropout: part of the features before the output that is dropped.
        l2: factor of the squared kernels that is added to the loss.
        bias: keep the bias even where a normalization follows.

    Raises:
        Mistake: names the value and what is allowed.
    """

    width: float
    depth: float
    activation: str
    initializer: str
    normalization: str
    dropout: float
    l2: float
    bias: bool

    def __post_init__(self) -> None:
        _one_of("activation", self.activation, ACTIVATIONS)
        _one_of("initializer", self.initializer, INITIALIZERS)
        _one_of("normalization", self.normalization, NORMALIZATIONS)
        _within("width", self.width, 0, 16, open_below=True)
        _within("depth", self.depth, 0, 16, open_below=True)
        _within("dropout", self.dropout, 0, 0.95)
        _within("l2", self.l2, 0, 1)

    def wide(self, count: int) -> int:
        """A layer's width times the multiplier, at least 1."""
        return max(1, round(count * self.width))

    def deep(self, count: int) -> int:
        """A stage's number of layers times the multiplier, at least 1."""
        return max(1, round(count * self.depth))

    def conv(
        self,
        x: Any,
        filters: int,
        size: Any,
        name: str,
        strides: Any = 1,
        activate: bool = True,
    ) -> Any:
        """A 2D convolution unit, padded so that only `strides` shrinks the image."""

        def make(**given: Any) -> layers.Layer:
            return layers.Conv2D(filters, size, strides, padding="same", **given)

        return self._unit(x, make, name, activate)

    def conv1d(
        self, x: Any, filters: int, size: int, name: str, padding: str = "same"
    ) -> Any:
        """A 1D convolution unit along the steps of a sequence."""

        def make(**given: Any) -> layers.Layer:
            return layers.Conv1D(filters, size, padding=padding, **given)

        return self._unit(x, make, name)

    def depthwise(self, x: Any, size: Any, name: str, strides: Any = 1) -> Any:
        """A convolution unit of each channel by itself."""

        def make(kernel_initializer: Any, kernel_regularizer: Any, **given: Any):
            return layers.DepthwiseConv2D(
                size,
                strides,
                padding="same",
                depthwise_initializer=kernel_initializer,
                depthwise_regularizer=kernel_regularizer,
                **given,
            )

        return self._unit(x, make, name)

    def dense(self, x: Any, units: int, name: str, activate: bool = True) -> Any:
        """A dense unit on the last axis."""

        def make(**given: Any) -> layers.Layer:
            return layers.Dense(units, **given)

        return self._unit(x, make, name, activate)

    def weights(self) -> dict[str, Any]:
        """How kernels begin and what they cost, as arguments of a layer."""
        regularizer = keras.regularizers.L2(self.l2) if self.l2 else None
        return {
            "kernel_initializer": self.initializer,
            "kernel_regularizer": regularizer,
        }

    def normalize(self, x: Any, name: str) -> Any:
        """The chosen normalization, over channels."""
        if self.normalization == "batch":
            return layers.BatchNormalization(momentum=MOMENTUM, name=name)(x)
        if self.normalization == "layer":
            return layers.LayerNormalization(name=name)(x)
        return x

    def activate(self, x: Any, name: str) -> Any:
        """The chosen activation as a layer, so that batch norms can be folded."""
        if self.activation == "leaky_relu":
            return layers.LeakyReLU(negative_slope=0.1, name=name)(x)
        if self.activation in ("relu", "relu6"):
            most = 6.0 if self.activation == "relu6" else None
            return layers.ReLU(max_value=most, name=name)(x)
        return layers.Activation(self.activation, name=name)(x)

    def drop(self, x: Any, name: str = "dropout") -> Any:
        """Dropout, if there is any."""
        if not self.dropout:
            return x
        return layers.Dropout(self.dropout, seed=1, name=name)(x)

    def _unit(
        self,
        x: Any,
        make: Callable[..., layers.Layer],
        name: str,
        activate: bool = True,
    ) -> Any:
        bias = self.bias or self.normalization == "none"
        x = make(use_bias=bias, name=name, **self.weights())(x)
        x = self.normalize(x, f"{name}_norm")
        return self.activate(x, f"{name}_act") if activate else x


def choose(
    hp: HyperParameters,
    activation: str = "relu",
    initializer: str = "he_normal",
    normalization: str = "batch",
    dropout: float = 0.2,
    l2: float = 0.0,
    bias: bool = False,
) -> Choices:
    """Declare the shared choices with a family's own defaults."""
    return Choices(
        width=hp.Fixed("width", 1.0),
        depth=hp.Fixed("depth", 1.0),
        activation=hp.Fixed("activation", activation),
        initializer=hp.Fixed("initializer", initializer),
        normalization=hp.Fixed("normalization", normalization),
        dropout=hp.Float("dropout", 0.0, 0.4, step=0.1, default=dropout),
        l2=hp.Fixed("l2", l2),
        bias=hp.Fixed("bias", bias),
    )


def _one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        known = ", ".join(allowed)
        hint = nearest(str(value), allowed)
        raise Mistake(f'values.{name}: no "{value}"{hint} (there are: {known})')


def _within(
    name: str, value: float, low: float, high: float, open_below: bool = False
) -> None:
    if not (low < value <= high or value == low and not open_below):
        least = f"more than {low}" if open_below else f"at least {low}"
        raise Mistake(
            f"values.{name}: must be {least} and at most {high}; received {value}"
        )
