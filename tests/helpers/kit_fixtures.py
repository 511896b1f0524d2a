"""Kits of tiny data sets, without training, and how to compile them.

The file in each kit is a packed one of tests/device_files: its bytes are only stored.
"""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.kit import write
from pipeline.data.artifact import Data
from pipeline.data.features import write_steps
from pipeline.data.spec import TaskSpec
from pipeline.tasks.export import export_of
from pipeline.tasks.registry import task_of
from tests.helpers.project import ROOT

FILES = ROOT / "tests" / "device_files"
INT8 = {"dtype": np.int8, "quantization": (0.05, -3)}
FLOAT = {"dtype": np.float32, "quantization": (0.0, 0)}
WORD_NUMBERS = {"dtype": np.int32, "quantization": (0.0, 0)}
WARNINGS = ("-Wall", "-Wextra", "-Werror", "-pedantic")
HOST = ("gcc", "-std=c11", *WARNINGS)
SIMULATOR = ("--specs=rdimon.specs", "-Wl,--section-start=.vectors=0")
ARM = ("arm-none-eabi-gcc", "-std=c11", *WARNINGS, "-mcpu=cortex-m4", "-mthumb")
QEMU = (
    *("qemu-system-arm", "-M", "mps2-an386", "-nographic", "-monitor", "none"),
    *("-serial", "null", "-semihosting-config", "enable=on,target=native"),
)


def has(*programs: str) -> bool:
    """True when all programs are installed."""
    return all(shutil.which(program) for program in programs)


def data_of(folder: Path, steps: Sequence, shape: tuple[int, ...], **fields) -> Data:
    """Data of preprocessing steps."""
    values = {"dtype": "float32", "classes": ("a", "b"), **fields}
    preprocess = write_steps(steps, folder)
    spec = TaskSpec("toy", "x:toy", shape, preprocess=preprocess, **values)
    return Data(folder, spec)


def kit_of(
    folder: Path,
    data: Data,
    raw: np.ndarray | None,
    detail: Mapping[str, Any] = INT8,
    symbol: str = "wake",
    threshold: float | None = None,
    file: str = "mlp-int8",
) -> Path:
    """Write the kit of data into a folder; all golden inputs and outputs are zero."""
    spec = data.spec
    size = task_of(spec).output_shape(spec)
    facts = {
        "title": "toy | int8",
        "arena": 1024,
        "arena_is": "measured",
        "input": _facts(detail, spec.shape),
        "output": _facts(INT8, size),
        **export_of(spec).metadata(spec, {"threshold": threshold}),
    }
    content = gzip.decompress((FILES / f"{file}.tflite.gz").read_bytes())
    inputs = np.zeros((2, *spec.shape), detail["dtype"])
    golden = inputs, np.zeros((2, *size), np.int8)
    texts = write.texts(data, facts, detail, content, raw, golden, symbol)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def program_of(folder: Path, kits: Sequence[Path], compiler: Sequence[str]) -> Path:
    """Compile the tests of several kits into one program; its argument is a number.

    Kits need different symbols: this is what they are for.
    """
    names = [f"test_{number}" for number in range(len(kits))]
    for name, kit in zip(names, kits):
        parts = ("preprocess.c", "golden.c", "test_preprocess.c")
        lines = [f"#define main {name}", *(f'#include "{kit}/{p}"' for p in parts)]
        (folder / f"{name}.c").write_text("\n".join(lines) + "\n")
    declared = "".join(f"int {name}(void);\n" for name in names)
    table = ", ".join(names)
    (folder / "all.c").write_text(
        f"#include <stdlib.h>\n{declared}int main(int count, char** arguments) {{\n"
        f"  int (*tests[])(void) = {{{table}}};\n"
        "  return count < 2 ? 1 : tests[atoi(arguments[1])]();\n}\n"
    )
    program = folder / "program"
    sources = [*(f"{name}.c" for name in names), "all.c"]
    if compiler is ARM:
        sources += [str(kits[0] / "simulator.c"), *SIMULATOR]
    compile_all(folder, [*compiler, *sources, "-lm", "-o", str(program)])
    return program


def compile_all(folder: Path, command: Sequence[str]) -> None:
    """Run a compiler; its messages are those of the failure."""
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def _facts(detail, shape) -> dict:
    scale, zero_point = detail["quantization"]
    name = np.dtype(detail["dtype"]).name
    return {
        "dtype": name,
        "shape": [1, *shape],
        "scale": scale,
        "zero_point": zero_point,
    }


def in_qemu(program: Path, argument: int) -> list[str]:
    """Command that runs a program on a simulated Cortex-M4."""
    *options, semihosting = QEMU
    arguments = f"{semihosting},arg=program,arg={argument}"
    return [*options, arguments, "-kernel", str(program)]
