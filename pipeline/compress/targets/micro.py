"""micro: TensorFlow Lite Micro on microcontrollers.

In: the bytes of a file, and examples. Out: the size of the file with lookup tables in
the place of weights with few values, the arena that was measured, and how its outputs
differ from LiteRT's. Weights of 1 to 7 bits are decoded by reference kernels and on
Xtensa; CMSIS-NN has no kernel for it.
"""

from __future__ import annotations

from typing import Any

from pipeline.compress.targets.target import (
    ARENA,
    FLASH,
    DeviceResult,
    Examples,
    Target,
)

TARGET = Target(
    name="micro",
    runtime="TensorFlow Lite Micro",
    exports=frozenset({"float", "int8", "int16x8"}),
    module="pipeline.compress.targets.micro",
    reasons={
        "dynamic": "its kernels do not mix float inputs with int8 weights",
        "float16": "it has no float16 weights",
        "int4": "its kernels do not mix float inputs with int4 weights",
    },
    child="pipeline.compress.targets.micro_child",
    package="tflite_micro",
    distribution="tflite-micro",
    compares=True,
    checks_operators=True,
    install="pip install --pre tflite-micro",
)


def measure(content: bytes, examples: Examples | None, target: Target) -> DeviceResult:
    """Measure a file in the runtime, or estimate it where that is not installed.

    Args:
        content: bytes of a .tflite file.
        examples: what its outputs are compared on.
        target: this module's.
    """
    from pipeline.compress.targets import lookup_tables, micro_runtime, parity
    from pipeline.compress.tflite.arena import estimate, peak

    if not target.installed:
        arena = estimate(content)
        facts: dict[str, Any] = {"head": arena.head, "tail": arena.tail}
        estimated = (FLASH, ARENA)
        return DeviceResult(len(content), arena.total, None, estimated, facts=facts)
    inputs, count = micro_runtime.with_random(content, examples)
    run = micro_runtime.run(content, inputs)
    if isinstance(run, micro_runtime.Refusal):
        arena = estimate(content)
        return DeviceResult(
            len(content), arena.total, None, (ARENA,), f"broken for micro: {run.reason}"
        )
    facts = {"head": run.head, "tail": run.tail, "peak": peak(content)}
    if examples is not None:
        try:
            facts["parity"] = parity.compare(run.outputs[:count], examples)
        except ValueError as error:
            refused = f"broken for micro: {error}"
            return DeviceResult(len(content), run.arena, None, (), refused, facts)
    lookup = lookup_tables.smallest(content, inputs, run.outputs)
    if lookup is None:
        return DeviceResult(len(content), run.arena, facts=facts)
    facts |= {"head": lookup.run.head, "tail": lookup.run.tail}
    facts["tables"] = [table.text for table in lookup.tables]
    facts["tables_left_out"] = [table.text for table in lookup.left_out]
    facts["without_tables"] = {"flash": len(content), "arena": run.arena}
    return DeviceResult(len(lookup.file), lookup.run.arena, lookup.file, facts=facts)


def lacks(content: bytes) -> str | None:
    """Name an operator of a file that the runtime does not have.

    Args:
        content: bytes of a .tflite file.
    """
    from pipeline.compress.targets import micro_runtime

    return micro_runtime.lacks(content)
