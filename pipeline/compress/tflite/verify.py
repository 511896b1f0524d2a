"""What a recipe promises of its file, held against what the file holds.

In: facts of a file, and what was true before the export. Out: one line for each
promise that is broken. TensorFlow is not imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.compress.tflite.inspect import Facts, OPERATORS

# What each export may hold in its constant tensors of rank 2 and more.
KERNEL_DTYPES = {
    "float": {"float32"},
    "float16": {"float16"},
    "dynamic": {"int8", "float32"},  # the converter leaves small tensors as they are
    "int8": {"int8"},
    "int16x8": {"int8"},
    "int4": {"int4", "float32"},  # what the quantizer does not know stays float
}
SPARSITY_SLACK = 0.005
TOKENS = "int32"  # of an embedding, which no scale could make smaller
ENDS = {"int8": "int8", "int16x8": "int16"}  # of what is full integer


@dataclass(frozen=True)
class Few:
    """At least `kernels` kernels, or all, hold at most `values` different weights."""

    values: int
    kernels: int


def broken_promises(
    facts: Facts, export: str, sparsity: float = 0.0, few: Sequence[Few] = ()
) -> list[str]:
    """What the file does not keep of what its recipe says.

    Args:
        facts: what the file holds.
        export: one of the recipe grammar.
        sparsity: part of the kernels' values that was zero before the export.
        few: how many different weights how many kernels had before the export.

    Returns:
        One line per broken promise; none when the file is what it claims to be.
    """
    return [
        *_foreign_operators(facts),
        *_wrong_kernels(facts, export),
        *(_not_integer(facts, export) if export in ENDS else ()),
        *_lost_zeros(facts, sparsity),
        *(line for each in few for line in _too_many(facts, each)),
    ]


def _foreign_operators(facts: Facts) -> Iterator[str]:
    foreign = [name for name in facts.operators if name not in OPERATORS.values()]
    if foreign:
        yield f"needs operators outside the standard runtime: {', '.join(foreign)}"


def _wrong_kernels(facts: Facts, export: str) -> Iterator[str]:
    wrong = sorted(facts.kernel_dtypes - KERNEL_DTYPES[export])
    if wrong:
        yield f"{export} promised, but there are weights in {', '.join(wrong)}"
    wanted = {"dynamic": "int8", "int4": "int4"}.get(export)
    if wanted and wanted not in facts.kernel_dtypes:
        yield f"{export} promised, but no weight is {wanted}: all kernels are too small"


def _not_integer(facts: Facts, export: str) -> Iterator[str]:
    kind = ENDS[export]
    if facts.ends not in ((kind, kind), (TOKENS, kind)):
        ends = " and ".join(facts.ends)
        yield f"{kind} input and output promised, but they are {ends}"
    if facts.floats:
        culprits = set(facts.floats) - {"QUANTIZE", "DEQUANTIZE"}  # they are around it
        named = ", ".join(sorted(culprits or set(facts.floats)))
        yield f"full integer promised, but computed in float: {named}"


def _lost_zeros(facts: Facts, sparsity: float) -> Iterator[str]:
    if facts.sparsity < sparsity - SPARSITY_SLACK:
        yield (
            f"{sparsity:.0%} of the weights were zero before the export, "
            f"{facts.sparsity:.0%} are in the file"
        )


def _too_many(facts: Facts, few: Few) -> Iterator[str]:
    kept = sum(count <= few.values for count in facts.distinct)
    more = [count for count in facts.distinct if count > few.values]
    # The converter may join kernels, or drop one.
    if kept < few.kernels and (more or not kept):
        fewest = f"; the fewest in another is {min(more)}" if more else ""
        yield (
            f"{few.values} different weights promised in each of {few.kernels} "
            f"kernels, but {kept} of the file's {len(facts.distinct)} have so few"
            f"{fewest}"
        )
