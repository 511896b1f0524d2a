"""ethos-u55-32 ... ethos-u85-2048: Arm's neural processors, compiled for with Vela.

In: the bytes of a file. Out: the compiled file, the SRAM that it needs, the time that
Vela estimates for its default system configuration, and the kinds of operators that
stay on the host processor, where float files run.
"""

from __future__ import annotations

from pipeline.compress.targets.target import (
    ARENA,
    FLASH,
    DeviceResult,
    Examples,
    Target,
)

UNITS = {
    "ethos-u55": (32, 64, 128, 256),
    "ethos-u65": (256, 512),
    "ethos-u85": (128, 256, 512, 1024, 2048),
}


def _target(processor: str, units: int) -> Target:
    return Target(
        name=f"{processor}-{units}",
        runtime=f"Ethos-{processor[6:].upper()} with {units} multipliers",
        exports=frozenset({"float", "int8", "int16x8"}),
        module="pipeline.compress.targets.ethos_u",
        reasons=dict.fromkeys(
            ("dynamic", "float16", "int4"), "it multiplies int8 by int8 and int16 only"
        ),
        child="pipeline.compress.targets.vela_child",
        package="ethosu",
        distribution="ethos-u-vela",
        install="pip install ethos-u-vela",
    )


TARGETS = tuple(
    _target(processor, units) for processor, sizes in UNITS.items() for units in sizes
)


def measure(content: bytes, examples: Examples | None, target: Target) -> DeviceResult:
    """Compile a file, or estimate its costs where Vela is not installed.

    Args:
        content: bytes of a .tflite file.
        examples: not used; Vela runs nothing.
        target: the accelerator.
    """
    from pipeline.compress.targets import vela
    from pipeline.compress.tflite.arena import estimate

    arena = estimate(content).total
    if not target.installed:
        return DeviceResult(len(content), arena, estimated=(FLASH, ARENA))
    compiled = vela.compile_file(content, target.name)
    if isinstance(compiled, str):
        refused = f"broken for {target.name}: {compiled}"
        return DeviceResult(len(content), arena, None, (FLASH, ARENA), refused)
    return DeviceResult(
        flash=len(compiled.file),
        arena=compiled.sram or arena,
        file=compiled.file,
        estimated=() if compiled.sram else (ARENA,),
        facts=compiled.facts,
    )
