"""Insert fake quantization after each tensor that the converter stores in int8.

In: a Keras 3 model and calibration examples. Out: the same graph with `FakeQuant`
layers. As the converter does (Jacob et al., 2018), a convolution with its normalization
and its ReLU is one operator, whose output is quantized once; values that are only
selected or copied keep their scale; sigmoid, softmax and tanh have a prescribed one.
Inside recurrent, attention and normalization layers, and inside layers of the user's
own, activations are not quantized here: the converter calibrates them after training.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import numpy as np

from pipeline.compress.native.fake_quant import SMALLEST_RANGE, FakeQuant
from pipeline.compress.native.kernels import describe
from pipeline.compress.native.transforms import INT8_LEVELS
from pipeline.compress.rewrite.fold import FOLDABLE
from pipeline.compress.rewrite.rebuild import (
    clone_layer,
    clone_with,
    functional_graph,
    identity,
    rebuild,
    set_layer_weights,
)
from pipeline.compress.tfmot.supported_layers import activation_name
from pipeline.models.graph import calls, output_ids

# Values are selected or copied: they keep the scale of the input.
COPIES = frozenset(
    [
        "ActivityRegularization",
        "AlphaDropout",
        "Cropping1D",
        "Cropping2D",
        "Dropout",
        "ExpandDims",
        "Flatten",
        "GaussianDropout",
        "GaussianNoise",
        "GetItem",
        "GlobalMaxPooling1D",
        "GlobalMaxPooling2D",
        "Masking",
        "MaxPooling1D",
        "MaxPooling2D",
        "Permute",
        "RepeatVector",
        "Reshape",
        "Slice",
        "SpatialDropout1D",
        "SpatialDropout2D",
        "Squeeze",
        "Transpose",
        "UpSampling1D",
        "UpSampling2D",
        "ZeroPadding1D",
        "ZeroPadding2D",
    ]
)
# Activations that the runtime computes inside the operator before them.
FUSED = ("linear", "relu", "relu6")
# Outputs whose int8 scale the runtime prescribes.
PRESCRIBED = {
    "sigmoid": (0.0, 255 / 256),
    "softmax": (0.0, 255 / 256),
    "tanh": (-1.0, 127 / 128),
}


# Layers and operations that compute with one or two int8 operators, without tensors
# inside that have ranges of their own.
SIMPLE = frozenset(
    [
        *COPIES,
        *FOLDABLE,
        "Embedding",
        "Activation",
        "Add",
        "AveragePooling1D",
        "AveragePooling2D",
        "BatchNormalization",
        "Concatenate",
        "Conv2DTranspose",
        "GlobalAveragePooling1D",
        "GlobalAveragePooling2D",
        "InputLayer",
        "LeakyReLU",
        "Multiply",
        "ReLU",
        "Relu",
        "Relu6",
        "Rescaling",
        "Sigmoid",
        "Softmax",
        "Subtract",
        "Tanh",
    ]
)
# Operators into which the runtime fuses a ReLU that follows.
TAKES_RELU = frozenset([*FOLDABLE, "Add", "BatchNormalization", "Multiply", "Subtract"])


def with_ranges(model: keras.Model, calibration: np.ndarray) -> keras.Model:
    """Insert fake quantization, with the ranges of the calibration examples.

    Args:
        model: functional or Sequential; it is not changed.
        calibration: model inputs `(n, ...)`.

    Returns:
        A new model with the same weights.
    """
    inserted = _Inserter(model).model
    layers = ranges_of(inserted)
    for layer in layers:
        layer.observing = True
    inserted(calibration, training=False)
    for layer in layers:
        layer.observing = False
    for layer in _embedding_ranges(inserted).values():
        layer.observing = True  # until `settle_embeddings`
    return inserted


def settle_embeddings(model: keras.Model) -> None:
    """Give the output of each embedding the scale of its table.

    The converter would calibrate the table on the tokens of the calibration examples,
    and clip the others.

    Args:
        model: from `with_ranges`, trained; changed in place.
    """
    for embedding, layer in _embedding_ranges(model).items():
        table = np.asarray(embedding.embeddings)
        scale = max(float(np.abs(table).max()), SMALLEST_RANGE) / INT8_LEVELS
        layer.low.assign(-(INT8_LEVELS + 1) * scale)
        layer.high.assign(INT8_LEVELS * scale)
        layer.observing = False


def _embedding_ranges(model: keras.Model) -> dict[Any, FakeQuant]:
    """Map the embeddings of a model to the fake quantization after each."""
    layers = {layer.name: layer for layer in model.layers}
    return {
        layer: layers[f"{name}_range"]
        for name, layer in layers.items()
        if isinstance(layer, keras.layers.Embedding) and f"{name}_range" in layers
    }


def ranges_of(model: keras.Model) -> list[FakeQuant]:
    """List the fake quantizations of a model, in the order of its layers."""
    return [layer for layer in model.layers if isinstance(layer, FakeQuant)]


def calibrated_inside(model: keras.Model) -> list[str]:
    """List `layer (Class), reason` of layers with activations calibrated inside.

    Args:
        model: functional or Sequential.
    """
    operations = {id(c.operation): c.operation for c in calls(model)}.values()
    return [
        f"{describe(operation)}, activations inside it are calibrated after training"
        for operation in operations
        if isinstance(operation, keras.layers.Layer) and not _is_simple(operation)
    ]


class _Inserter:
    """Rebuilds a model with `FakeQuant` layers.

    Args:
        source: functional or Sequential model.
    """

    def __init__(self, source: keras.Model):
        self.readers = _only_readers(source)
        self.pairs: list[tuple[Any, Any]] = []
        self.names = {t._keras_history.operation.name for t in source.inputs}
        self.model = rebuild(self._with_quantized_input(source), self._make)
        for layer, new in self.pairs:
            set_layer_weights(new, layer.get_weights())

    def _with_quantized_input(self, source: keras.Model) -> keras.Model:
        """Wrap a model; `rebuild` inlines it. Tokens are not quantized."""
        (tensor,) = functional_graph(source).inputs
        if "float" not in tensor.dtype:
            return source
        name = tensor._keras_history.operation.name
        x = keras.Input(tensor.shape[1:], dtype=tensor.dtype, name=name)
        outputs = source(self._quant(f"{name}_range")(x))
        return keras.Model(x, outputs, name=source.name)

    def _make(self, layer: Any) -> Callable[..., Any]:
        kind = type(layer).__name__
        if kind.startswith("Random"):
            return identity  # augmentation does nothing at inference
        if isinstance(layer, FakeQuant):
            return layer
        split = kind in FOLDABLE and _activation(layer) not in FUSED
        new = clone_with(layer, activation=None) if split else clone_layer(layer)
        if isinstance(new, keras.layers.Layer):
            new.name = self._free(new.name)
            self.pairs.append((layer, new))
        if split:
            return _then(new, *self._activated(layer))
        if self._is_stored(layer):
            return _then(new, self._quant(f"{layer.name}_range", _activation(layer)))
        return _then(new)

    def _activated(self, layer: Any) -> list[FakeQuant | keras.layers.Layer]:
        """Return an activation that the runtime computes apart, and both ranges."""
        name, function = layer.name, layer.activation
        if isinstance(function, keras.layers.Layer):
            after = clone_with(function, name=self._free(f"{name}_activation"))
        else:
            after = keras.layers.Activation(
                function, name=self._free(f"{name}_activation")
            )
        before = self._quant(f"{name}_linear_range")
        return [before, after, self._quant(f"{name}_range", _activation(layer))]

    def _quant(self, name: str, activation: str = "") -> FakeQuant:
        return FakeQuant(PRESCRIBED.get(activation), name=self._free(name))

    def _free(self, name: str) -> str:
        while name in self.names:
            name += "_"
        self.names.add(name)
        return name

    def _is_stored(self, layer: Any) -> bool:
        """Return whether the converter stores the output with a scale of its own."""
        if type(layer).__name__ in COPIES or _is_lstm(layer):
            return False
        reader = self.readers.get(id(layer))
        if reader is None:
            return True
        return not _absorbs(reader, layer) and not self._is_concatenated(reader)

    def _is_concatenated(self, reader: Any) -> bool:
        """Return whether a value only goes into a Concatenate, which sets its scale."""
        while type(reader).__name__ in COPIES:
            reader = self.readers.get(id(reader))
        return type(reader).__name__ == "Concatenate"


def _then(first: Any, *following: Any) -> Callable[..., Any]:
    """Return the composition of layers; tensors of integers are left alone."""

    def call(*inputs: Any, **named: Any) -> Any:
        x = first(*inputs, **named)
        for layer in following if _is_one_float(x) else ():
            x = layer(x)
        return x

    return call


def _is_one_float(x: Any) -> bool:
    return isinstance(x, keras.KerasTensor) and "float" in x.dtype


def _is_simple(layer: Any) -> bool:
    kind = type(layer).__name__
    return kind in SIMPLE or kind.startswith("Random") or isinstance(layer, FakeQuant)


def _only_readers(model: keras.Model) -> dict[int, Any]:
    """Map the id of a layer that is called once to the only reader of its output."""
    steps, outputs = calls(model), output_ids(model)
    readers: dict[int, list[Any]] = {tensor: [None] for tensor in outputs}
    uses: dict[int, int] = {}
    for step in steps:
        uses[id(step.operation)] = uses.get(id(step.operation), 0) + 1
        for tensor in step.inputs:
            readers.setdefault(tensor, []).append(step.operation)
    return {
        id(step.operation): readers[step.outputs[0]][0]
        for step in steps
        if uses[id(step.operation)] == 1 and len(readers.get(step.outputs[0], ())) == 1
    }


def _absorbs(reader: Any, layer: Any) -> bool:
    """Return whether the runtime computes a layer and its reader in one operator."""
    kind = type(layer).__name__
    if kind in FOLDABLE and _activation(layer) != "linear":
        return False
    if type(reader).__name__ == "BatchNormalization":
        return kind in FOLDABLE
    return kind in TAKES_RELU and _is_relu(reader)


def _is_lstm(layer: Any) -> bool:
    """Return whether a layer becomes the runtime's LSTM operator.

    The converter fails if the range of its output is prescribed.
    """
    inner = getattr(layer, "forward_layer", layer)
    return isinstance(inner, keras.layers.LSTM)


def _is_relu(reader: Any) -> bool:
    """Return whether an operation is max(x, 0) or min(max(x, 0), 6)."""
    if type(reader).__name__ == "ReLU":
        plain = not reader.negative_slope and not reader.threshold
        return plain and reader.max_value in (None, 6)
    is_activation = type(reader).__name__ in ("Activation", "Relu", "Relu6")
    return is_activation and _activation(reader) in ("relu", "relu6")


def _activation(layer: Any) -> str:
    """Return the name of the activation of a layer or operation."""
    kind = type(layer).__name__
    if kind in ("Relu", "Relu6", "Sigmoid", "Softmax", "Tanh"):
        return kind.lower()
    return activation_name(layer)
