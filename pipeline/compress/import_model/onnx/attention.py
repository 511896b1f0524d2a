"""Rebuild what attention is made of: products of two values, layer normalization.

Vaswani et al., Attention Is All You Need, 2017; Ba et al., Layer Normalization, 2016.
"""

from __future__ import annotations

import keras
import numpy as np
from keras.src.ops.numpy import Matmul  # `keras.ops.matmul` takes no name

from pipeline.compress.import_model.onnx.builder import NodeBuilder, Rebuild
from pipeline.compress.import_model.onnx.kernels import dense_product
from pipeline.compress.import_model.onnx.values import Value, plain


def matrix_product(build: NodeBuilder) -> Value:
    """MatMul with a constant kernel, or of two values with equal leading axes."""
    if build.is_constant(1):
        return dense_product(build)
    if build.is_constant(0):
        build.refuse("its first input is a constant; only the second can be")
    values = [build.value(k) for k in range(2)]
    if any(value.is_whole for value in values):
        values = [build.whole(k) for k in range(2)]
    first, second = (
        plain(value, f"{build.name}_{number}") for number, value in enumerate(values)
    )
    fits = first.shape[:-2] == second.shape[:-2] and first.rank == second.rank > 2
    if not fits or first.shape[-1] != second.shape[-2]:
        build.refuse(f"its shapes do not fit: {first.shape} and {second.shape}")
    return first.with_tensor(
        Matmul(name=build.name)(first.tensor, second.tensor), positive=False
    )


def layer_normalization(build: NodeBuilder) -> Value:
    """LayerNormalization over the last axis."""
    value = build.plain()
    if build.attribute("axis", -1) % value.rank != value.rank - 1:
        build.refuse("only the last axis can be normalized")
    scale, offset = build.kernel(1), build.constant(2, np.zeros(value.shape[-1]))
    layer = keras.layers.LayerNormalization(
        epsilon=build.attribute("epsilon", 1e-5), name=build.name
    )
    assert offset is not None
    tensor = build.apply(layer, value.tensor, scale, offset)
    return value.with_tensor(tensor, positive=False)


ATTENTION: dict[str, Rebuild] = {
    "MatMul": matrix_product,
    "LayerNormalization": layer_normalization,
}
