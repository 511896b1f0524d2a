"""Check that a file is what its recipe claims.

In: facts of a file, and what was true before the export. Out: one line per claim that
the file does not meet. TensorFlow is not imported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pipeline.compress.tflite.inspect import OPERATORS, Facts
from pipeline.compress.tflite.oracle import could_be_integer, without_integer_kernel

# Export -> dtypes that its kernels may have.
KERNEL_DTYPES = {
    "float": {"float32"},
    "float16": {"float16"},
    "dynamic": {"int8", "float32"},  # the converter leaves small tensors in float
    "int8": {"int8"},
    "int16x8": {"int8"},
    "int4": {"int4", "float32"},  # layers that the quantizer does not support
}
SPARSITY_SLACK = 0.005
TOKENS = "int32"  # input of an embedding, which cannot be quantized
INTEGER_IO = {"int8": "int8", "int16x8": "int16"}  # full-integer export -> dtype


@dataclass(frozen=True)
class DistinctWeights:
    """A claim: at least `kernels` kernels have at most `values` distinct weights.

    Args:
        values: maximum number of distinct weights in one kernel.
        kernels: number of kernels; all of the file's are enough.
    """

    values: int
    kernels: int


def violations(
    facts: Facts,
    export: str,
    sparsity: float = 0.0,
    distinct: Sequence[DistinctWeights] = (),
    mixed: bool = False,
) -> list[str]:
    """List the claims of a recipe that a file does not meet.

    Args:
        facts: contents of the file.
        export: an export step of the recipe grammar.
        sparsity: fraction of the kernels' values that was zero before the export;
            default 0.
        distinct: limits of distinct weights before the export; default none.
        mixed: some layers of an int8 file stay in float; default False.

    Returns:
        One line per violated claim; empty for a correct file.
    """
    return [
        *_custom_operators(facts),
        *_wrong_kernels(facts, export, {"float32"} if mixed else set()),
        *(_not_integer(facts, export, mixed) if export in INTEGER_IO else ()),
        *_lost_zeros(facts, sparsity),
        *(line for claim in distinct for line in _too_many_values(facts, claim)),
    ]


def _custom_operators(facts: Facts) -> Iterator[str]:
    custom = [name for name in facts.operators if name not in OPERATORS.values()]
    if custom:
        yield f"needs operators outside the standard runtime: {', '.join(custom)}"


def _wrong_kernels(facts: Facts, export: str, others: set[str]) -> Iterator[str]:
    allowed = KERNEL_DTYPES[export] | others
    if without_integer_kernel(facts.float_operators):
        allowed = allowed | {"float32"}  # kernels of these operators
    wrong = sorted(facts.kernel_dtypes - allowed)
    if wrong:
        yield f"{export} promised, but there are weights in {', '.join(wrong)}"
    wanted = {"dynamic": "int8", "int4": "int4"}.get(export)
    if wanted and wanted not in facts.kernel_dtypes:
        yield f"{export} promised, but no weight is {wanted}: all kernels are too small"


def _not_integer(facts: Facts, export: str, mixed: bool) -> Iterator[str]:
    dtype = INTEGER_IO[export]
    if facts.io_dtypes not in ((dtype, dtype), (TOKENS, dtype)):
        actual = " and ".join(facts.io_dtypes)
        yield f"{dtype} input and output promised, but they are {actual}"
    names = could_be_integer(facts.float_operators)
    if names and not mixed:
        yield f"full integer promised, but computed in float: {', '.join(names)}"


def _lost_zeros(facts: Facts, sparsity: float) -> Iterator[str]:
    if facts.sparsity < sparsity - SPARSITY_SLACK:
        yield (
            f"{sparsity:.0%} of the weights were zero before the export, "
            f"{facts.sparsity:.0%} are in the file"
        )


def _too_many_values(facts: Facts, claim: DistinctWeights) -> Iterator[str]:
    kept = sum(count <= claim.values for count in facts.distinct)
    others = [count for count in facts.distinct if count > claim.values]
    # The converter may join kernels, or drop one.
    if kept < claim.kernels and (others or not kept):
        fewest = f"; the fewest in another is {min(others)}" if others else ""
        yield (
            f"{claim.values} distinct weights promised in each of {claim.kernels} "
            f"kernels, but {kept} of the file's {len(facts.distinct)} have so few"
            f"{fewest}"
        )
