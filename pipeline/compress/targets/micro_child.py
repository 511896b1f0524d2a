"""Run a file in TensorFlow Lite Micro: the program of a child process.

    python micro_child.py FOLDER

In: FOLDER/model.tflite and request.json: `hint` (bytes of arena to begin with) and
`inputs` (true where inputs.npy holds examples `(n, ...)` in the file's dtype), and
`load` (true to load the file only). Out: answer.json, see `micro_runtime.MicroRun`, and
outputs.npy `(n, ...)`.

The runtime can abort its process, so every attempt is a process of its own, forked
after the import. Imports nothing of the pipeline.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from tflite_micro import runtime

LARGEST = 1 << 28  # bytes of arena; no board has so many
SECONDS = 300  # of one attempt
ALIGNMENT = 16  # of the runtime; another end of the arena would cost it some bytes
TOO_SMALL = re.compile(r"Failed to (allocate|resize)|missing: \d+|exhausted|too small")
PART = re.compile(r"Arena allocation (total|head|tail) (\d+) bytes")
DETAIL = re.compile(r"'([^']+)' used (\d+) bytes")


def answer(folder: Path) -> dict[str, Any]:
    """Load the file, find its smallest arena, and run the examples.

    Args:
        folder: as described above.

    Returns:
        `log` of the runtime, and for a file that runs: `smallest`, `head`, `tail`,
        `total`, and `persistent` (kind of buffer -> bytes).
    """
    request = json.loads((folder / "request.json").read_text())
    content = (folder / "model.tflite").read_bytes()
    inputs = np.load(folder / "inputs.npy") if request["inputs"] else None
    arena, log = _large_enough(content, _aligned(max(request["hint"], 1024)))
    if not arena or request.get("load"):
        return {"log": log}
    smallest = _bisect(content, arena)
    log = _attempt(content, 2 * arena, inputs, folder / "outputs.npy")[1]
    parts = {name: int(size) for name, size in PART.findall(log)}
    details = {name: int(size) for name, size in DETAIL.findall(log)}
    return {"log": log, "smallest": smallest, **parts, "persistent": details}


def _large_enough(content: bytes, arena: int) -> tuple[int, str]:
    """An arena that the file runs in, or 0; and the last log."""
    while arena <= LARGEST:
        works, log = _attempt(content, arena)
        if works:
            return arena, log
        if log.strip() and not TOO_SMALL.search(log):
            return 0, log
        arena *= 4
    return 0, log


def _bisect(content: bytes, enough: int) -> int:
    """The smallest arena, a multiple of `ALIGNMENT`."""
    small = 0
    while enough - small > ALIGNMENT:
        middle = (small + enough) // (2 * ALIGNMENT) * ALIGNMENT
        if _attempt(content, middle)[0]:
            enough = middle
        else:
            small = middle
    return enough


def _aligned(size: int) -> int:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _attempt(
    content: bytes,
    arena: int,
    inputs: np.ndarray | None = None,
    out: Path | None = None,
) -> tuple[bool, str]:
    """Run a process that loads the file; True if it ended well, and what it wrote."""
    with tempfile.TemporaryFile() as errors:
        process = os.fork()
        if process == 0:
            _run(content, arena, inputs, out, errors.fileno())
        _, status = os.waitpid(process, 0)
        errors.seek(0)
        log = errors.read().decode(errors="replace")
    if os.WIFSIGNALED(status):
        log += f"\nended by signal {os.WTERMSIG(status)}"
    return status == 0, log


def _run(
    content: bytes, arena: int, inputs: np.ndarray | None, out: Path | None, errors: int
) -> None:
    """Load the file and run it; never returns."""
    os.dup2(errors, 2)
    signal.alarm(SECONDS)
    code = 1
    try:
        model = runtime.Interpreter.from_bytes(content, arena_size=arena)
        if inputs is None:
            detail = model.get_input_details(0)
            inputs = np.zeros((1, *detail["shape"][1:]), detail["dtype"])
        outputs = [_output(model, example) for example in inputs]
        if out:
            np.save(out, np.stack(outputs))
            model.print_allocations()
        code = 0
    except Exception as error:
        os.write(2, f"{error}\n".encode())
    os._exit(code)


def _output(model: runtime.Interpreter, example: np.ndarray) -> np.ndarray:
    """Run one example from the initial state; return its output without the batch."""
    model.reset()
    model.set_input(example[None], 0)
    model.invoke()
    return np.array(model.get_output(0))[0]


if __name__ == "__main__":
    FOLDER = Path(sys.argv[1])
    (FOLDER / "answer.json").write_text(json.dumps(answer(FOLDER)))
