"""The kernels of a Keras 3 model: weights that techniques prune, cluster or quantize.

In: a built model. Out: one `Kernel` per weight with at least two axes longer than 1,
in any layer: convolutions, dense, embedding, recurrent and attention layers, nested
models, and registered layers of the user's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from pipeline.compress.tfmot.callbacks import is_kernel

# Layers whose weights of several axes are statistics or factors.
NORMALIZATIONS = frozenset(
    [
        "BatchNormalization",
        "GroupNormalization",
        "LayerNormalization",
        "Normalization",
        "RMSNormalization",
    ]
)
# Layer class -> axes of the output channels that the runtime scales one by one. The
# weights of other classes have one scale per kernel.
CHANNEL_AXES: dict[str, tuple[int, ...]] = {
    "Conv1D": (2,),
    "Conv2D": (3,),
    "Conv2DTranspose": (2,),
    "Conv3D": (4,),
    "Dense": (1,),
    "DepthwiseConv2D": (2, 3),
}


@dataclass(frozen=True)
class Kernel:
    """One kernel.

    Args:
        layer: the layer that owns it.
        variable: its values.
        channel_axes: axes of the output channels; empty for one scale per kernel.
    """

    layer: keras.layers.Layer
    variable: keras.Variable
    channel_axes: tuple[int, ...]

    @property
    def values(self) -> np.ndarray:
        """The present values."""
        return np.asarray(self.variable)


def kernels_of(model: keras.Model) -> list[Kernel]:
    """List the kernels of a model, each once, in the order of its layers.

    Args:
        model: a built model; nested models and layers are searched.
    """
    kernels: dict[int, Kernel] = {}
    for layer in model._flatten_layers(include_self=False):
        for variable in _own_weights(layer):
            if is_kernel(variable):
                axes = CHANNEL_AXES.get(type(layer).__name__, ())
                kernels.setdefault(id(variable), Kernel(layer, variable, axes))
    return list(kernels.values())


def inner(kernels: list[Kernel]) -> list[Kernel]:
    """Leave out the kernels of the first and the last layer.

    Args:
        kernels: of a model, from `kernels_of`.
    """
    layers = list(dict.fromkeys(id(kernel.layer) for kernel in kernels))
    return [kernel for kernel in kernels if id(kernel.layer) in layers[1:-1]]


def kernel_sparsity(model: keras.Model) -> float:
    """Compute the fraction of all kernels' values that is exactly zero.

    Args:
        model: a built model.

    Returns:
        0 .. 1; 0 for a model without kernels.
    """
    values = [kernel.values for kernel in kernels_of(model)]
    total = sum(value.size for value in values)
    return sum(np.count_nonzero(v == 0) for v in values) / total if total else 0.0


def without_kernel(model: keras.Model) -> list[str]:
    """List `layer (Class)` of layers whose matrices are factors, not kernels.

    Args:
        model: a built model.
    """
    lines = []
    for layer in model._flatten_layers(include_self=False):
        matrices = [w for w in _own_weights(layer) if len(w.shape) > 1]
        if matrices and not any(map(is_kernel, matrices)):
            lines.append(describe(layer))
    return lines


def describe(layer: Any) -> str:
    """Return `layer (Class)`."""
    return f"{layer.name} ({type(layer).__name__})"


def _own_weights(layer: Any) -> list[keras.Variable]:
    """Return the weights of a layer without those of the layers inside it."""
    if isinstance(layer, keras.Model) or type(layer).__name__ in NORMALIZATIONS:
        return []
    weights = [*layer._trainable_variables, *layer._non_trainable_variables]
    return [weight for weight in weights if "float" in weight.dtype]
