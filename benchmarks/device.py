"""Flash, arena and parity of an experiment's files on several targets.

In: a finished experiment. Out: a table per target, one line per file. Needs the extra
`device` for measurements; a target that is not installed prints estimates, marked ~.
Run: make bench-device EXP=digits
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.targets import registry
from pipeline.compress.targets.target import ARENA, FLASH, Examples, Target
from pipeline.compress.tflite.inspect import gzip_size
from pipeline.core.json_io import read_json
from pipeline.inference.interpreter import Interpreter

TARGETS = ("lite", "micro", "ethos-u55-128")
HEAD = ("file", "flash", "raw", "download", "arena", "largest difference", "changed")


def main(folder: Path) -> None:
    """Print the tables.

    Args:
        folder: of the experiment, with its stage compress.
    """
    points = read_json(folder / "compress" / "pareto.json")["points"]
    points = [point for point in points if point["file"]]
    for name in TARGETS:
        target = registry.get(name)
        version = f" {target.version}" if target.version else ""
        print(f"\n{name}: {target.runtime}, {target.distribution or 'LiteRT'}{version}")
        print("".join(_padded(HEAD)))
        for point in points:
            print("".join(_padded(_cells(point["id"], folder / "compress", target))))


def _padded(cells: tuple[str, ...]) -> Iterator[str]:
    yield f"{cells[0]:40s}"
    yield from (f"{cell:>20s}" for cell in cells[1:])


def _cells(name: str, folder: Path, target: Target) -> tuple[str, ...]:
    content = (folder / "variants" / f"{name}.tflite").read_bytes()
    examples = _examples(content, folder / "golden" / f"{name}.npz")
    result = target.measure(content, examples if target.compares else None)
    if result.refused:
        return (name, result.refused)
    parity: dict[str, Any] = result.facts.get("parity", {})
    flash = "~" * (FLASH in result.estimated) + f"{result.flash:,}"
    arena = "~" * (ARENA in result.estimated) + f"{result.arena:,}"
    sizes = (flash, f"{len(content):,}", f"{gzip_size(content):,}", arena)
    changes = [str(parity.get(key, "-")) for key in ("largest", "changed_predictions")]
    return (name, *sizes, *changes)


def _examples(content: bytes, golden: Path) -> Examples:
    """Golden vectors, repeated with LiteRT."""
    model = Interpreter(model_content=content, num_threads=1)
    model.allocate_tensors()
    source, target = model.get_input_details()[0], model.get_output_details()[0]
    inputs, outputs = np.load(golden)["inputs"], []
    for example in inputs:
        model.set_tensor(source["index"], example[None])
        model.invoke()
        outputs.append(model.get_tensor(target["index"])[0].copy())
    return Examples(inputs, np.stack(outputs), classes=True)


if __name__ == "__main__":
    main(Path("experiments") / (sys.argv[1:] or ["digits"])[0])
