"""lite: LiteRT on phones and computers; a file is stored as it was written.

In: the bytes of a file. Out: its size, and an estimate of the arena of TensorFlow Lite
Micro, which LiteRT does not need.
"""

from __future__ import annotations

from pipeline.compress.targets.target import ARENA, DeviceResult, Examples, Target

EXPORTS = frozenset({"float", "float16", "dynamic", "int8", "int16x8", "int4"})
TARGET = Target(
    name="lite",
    runtime="LiteRT",
    exports=EXPORTS,
    module="pipeline.compress.targets.lite",
)


def measure(content: bytes, examples: Examples | None, target: Target) -> DeviceResult:
    """Measure a file for LiteRT.

    Args:
        content: bytes of a .tflite file.
        examples: not used; LiteRT made their outputs.
        target: not used.
    """
    from pipeline.compress.tflite.arena import estimate

    arena = estimate(content)
    facts = {"head": arena.head, "tail": arena.tail}
    return DeviceResult(len(content), arena.total, estimated=(ARENA,), facts=facts)
