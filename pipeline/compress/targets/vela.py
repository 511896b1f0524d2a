"""Vela, the compiler for Ethos-U, in a child process.

In: the bytes of a file and an accelerator. Out: the compiled file and Vela's summary.
"""

from __future__ import annotations

import csv
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.compress.targets.micro_runtime import start
from pipeline.compress.tflite.arena import operator_kinds

CHILD = Path(__file__).with_name("vela_child.py")
SECONDS = 900
COMMAND_STREAM = "ethos-u"  # the custom operator that runs on the processor
KILO = 1024  # the summary's sizes are in KiB


@dataclass(frozen=True)
class Compiled:
    """A file for Ethos-U.

    Args:
        file: bytes of Vela's output.
        sram: bytes of SRAM; 0 when nothing runs on the processor.
        facts: `milliseconds`, `weights_flash` (bytes) and `host_operators`, the kinds
            that stay on the host processor.
    """

    file: bytes
    sram: int
    facts: dict[str, Any]


def compile_file(content: bytes, accelerator: str) -> Compiled | str:
    """Compile a file.

    Args:
        content: bytes of a .tflite file.
        accelerator: as Vela names it, such as `ethos-u55-128`.

    Returns:
        The compiled file, or why there is none.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        source, compiled = folder / "model.tflite", folder / "model_vela.tflite"
        source.write_bytes(content)
        ended = start(CHILD, [str(source), accelerator, name], SECONDS)
        summaries = list(folder.glob("model_summary_*.csv"))
        if not compiled.exists() or not summaries:
            return f"Vela {ended}"
        with summaries[0].open(newline="") as file:
            return _result(compiled.read_bytes(), next(csv.DictReader(file)))


def _result(file: bytes, summary: Mapping[str, str]) -> Compiled:
    kinds = operator_kinds(file)
    host = sorted({kind for kind in kinds if kind != COMMAND_STREAM})
    facts = {
        "milliseconds": float(f"{1000 * float(summary['inference_time']):.4g}"),
        "weights_flash": round(KILO * float(summary["off_chip_flash_memory_used"])),
        "host_operators": host,
    }
    return Compiled(file, round(KILO * float(summary["sram_memory_used"])), facts)
