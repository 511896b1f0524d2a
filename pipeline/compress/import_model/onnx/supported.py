"""ONNX files, and their operators that can be rebuilt. Imports no numeric library."""

from __future__ import annotations

from pathlib import Path

SUFFIX = ".onnx"
# Calculated from constants, and never part of a rebuilt model.
CONSTANT = frozenset(
    {
        *("Constant", "ConstantOfShape", "Shape", "Range", "Equal", "Where"),
        *("Expand", "Sqrt", "Reciprocal", "Neg", "Pow", "Exp", "Floor", "Mod"),
    }
)
ACTIVATIONS = frozenset(
    {
        *("Relu", "LeakyRelu", "PRelu", "Clip", "Sigmoid", "Tanh", "HardSigmoid"),
        *("HardSwish", "Elu", "Selu", "Softplus", "Softsign", "Gelu", "Softmax"),
    }
)
KERNELS = frozenset({"Conv", "ConvTranspose", "Gemm", "MatMul", "BatchNormalization"})
POOLING = frozenset(
    {
        *("MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool"),
        "ReduceMean",
    }
)
ARITHMETIC = frozenset({"Add", "Sub", "Mul", "Div", "Sum", "Concat"})
SHAPES = frozenset(
    {
        *("Flatten", "Reshape", "Squeeze", "Unsqueeze", "Transpose", "Pad"),
        *("Resize", "Upsample", "Identity", "Dropout", "Cast"),
    }
)
SLICES = frozenset({"Gather", "Slice", "Split"})
RECURRENT = frozenset({"LSTM", "GRU", "RNN"})
ATTENTION = frozenset({"MatMul", "LayerNormalization"})
REBUILT = (
    ACTIVATIONS
    | KERNELS
    | POOLING
    | ARITHMETIC
    | SHAPES
    | SLICES
    | RECURRENT
    | ATTENTION
)
OPERATORS = REBUILT | CONSTANT


def is_onnx(path: Path) -> bool:
    """Return whether a path names an ONNX file, which has no signature.

    Args:
        path: of any file.
    """
    return path.suffix.lower() == SUFFIX
