"""What converter and runtime do with an operator or a layer, known before training.

In: operators of a file, or classes of layers. Out: those that stay in float in a
full-integer file, because LiteRT has no integer kernel for them, and those of which the
converter writes no integer file at all. Tests compare every line with the converter and
the runtime.
"""

from __future__ import annotations

from collections.abc import Iterable

# Operators without an integer kernel; the converter surrounds them with DEQUANTIZE and
# QUANTIZE, and the rest of the file is integer.
FLOAT_OPERATORS = frozenset(
    {"CAST", "CONV_3D", "CONV_3D_TRANSPOSE", "ELU", "NOT_EQUAL", "SQUARE"}
)
BRIDGES = frozenset({"QUANTIZE", "DEQUANTIZE"})
# Export -> the exports that are tried after it where the converter refuses a model,
# from the best one: integer weights, then 16 bits, then the model unchanged.
FALLBACKS = {
    "int8": ("dynamic", "float16", "float"),
    "int16x8": ("dynamic", "float16", "float"),
    "int4": ("dynamic", "float16", "float"),
    "dynamic": ("float16", "float"),
    "float16": ("float",),
    "float": (),
}
NAMES = {"dynamic": "int8 weights and float activations", "float16": "float16 weights"}


def without_integer_kernel(operators: Iterable[str]) -> list[str]:
    """Return the operators that no integer file can compute in integers.

    Args:
        operators: names of the operators that compute in float in a file.
    """
    return sorted(set(operators) & FLOAT_OPERATORS)


def could_be_integer(operators: Iterable[str]) -> list[str]:
    """Return the operators that compute in float although an integer kernel exists.

    Args:
        operators: names of the operators that compute in float in a file.

    Returns:
        Their names; QUANTIZE and DEQUANTIZE only if nothing else computes in float.
    """
    names = set(operators)
    avoidable = names - FLOAT_OPERATORS - BRIDGES
    if avoidable or names & FLOAT_OPERATORS:
        return sorted(avoidable)
    return sorted(names)


def fallbacks(export: str) -> tuple[str, ...]:
    """Return the exports to try where one cannot be written, the best one first."""
    return FALLBACKS[export]


def fallback_text(wanted: str, export: str) -> str:
    """Describe an export in the place of another, for `left_out`."""
    words = NAMES.get(export, "float32")
    return f"{wanted}: the converter cannot write it for this model; written as {words}"
