"""TensorFlow Lite Micro in a child process, because it can abort its process.

In: the bytes of a file, and examples. Out: its smallest arena and its outputs, or why
the runtime refuses it.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.targets.target import Examples
from pipeline.compress.tflite.arena import MARGIN, estimate, operator_kinds
from pipeline.compress.tflite.inspect import DTYPES, parse

CHILD = Path(__file__).with_name("micro_child.py")
SECONDS = 1800  # of all attempts
MISSING = re.compile(r"Didn't find op for builtin opcode '(\w+)'")
CUSTOM = re.compile(r"(?:find|resolve).*custom op\w*:? '?(\w+)")
NODE = re.compile(r"Node (\S+) \(number (\d+)[^)]*\) failed to (\w+)")
RANDOM = 32  # inputs besides the examples
LINES = 3  # of a log that no pattern fits


@dataclass(frozen=True)
class MicroRun:
    """A file in the runtime.

    Args:
        arena: smallest arena that it runs in, with `MARGIN`, in bytes.
        head, tail: memory that is reused, and memory that lives until the end.
        outputs: `(n, ...)`, in the file's dtype; without examples, of one zero input.
    """

    arena: int
    head: int
    tail: int
    outputs: np.ndarray


@dataclass(frozen=True)
class Refusal:
    """A file that the runtime does not run.

    Args:
        reason: with the operator's name where the runtime tells it.
    """

    reason: str


def with_random(content: bytes, examples: Examples | None) -> tuple[np.ndarray, int]:
    """Append random inputs to the examples, to compare two files of one network.

    Args:
        content: bytes of a .tflite file.
        examples: None for random inputs alone.

    Returns:
        Inputs `(n, ...)` in the file's dtype, and how many of them are examples.
        Inputs of 32 bits are tokens, of which 0 and 1 always exist, or floats.
    """
    graph = parse(content).subgraphs[0]
    tensor = graph.tensors[graph.inputs[0]]
    shape = (RANDOM, *(int(size) for size in tensor.shape[1:]))
    dtype = np.dtype(DTYPES[tensor.type])
    generator = np.random.default_rng(1)
    if dtype.kind == "f":
        random = generator.normal(size=shape).astype(dtype)
    else:
        limits = (0, 2) if dtype.itemsize > 2 else (-128, 128)
        random = generator.integers(*limits, shape).astype(dtype)
    if examples is None:
        return random, 0
    return np.concatenate([examples.inputs, random]), len(examples.inputs)


def run(content: bytes, inputs: np.ndarray | None = None) -> MicroRun | Refusal:
    """Load a file in the runtime, find its smallest arena, and run examples.

    Args:
        content: bytes of a .tflite file.
        inputs: `(n, ...)` in the dtype of the file's input; default None.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        if inputs is not None:
            np.save(folder / "inputs.npy", inputs)
        ended = _ask(folder, content, inputs=inputs is not None)
        if not (folder / "answer.json").exists():
            return Refusal(f"the runtime's process {ended}")
        answer = json.loads((folder / "answer.json").read_text())
        return _result(answer, content, folder / "outputs.npy")


def lacks(content: bytes) -> str | None:
    """Load a file, and name an operator that the runtime does not have.

    Args:
        content: bytes of a .tflite file.

    Returns:
        The operator and its layer; None where all are known. Another reason why the
        file does not load is left to `run`.
    """
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        _ask(folder, content, inputs=False, load=True)
        try:
            log = json.loads((folder / "answer.json").read_text())["log"]
        except (OSError, ValueError, KeyError):
            return None
    missing = MISSING.search(log) or CUSTOM.search(log)
    return refusal(log, content) if missing else None


def _ask(folder: Path, content: bytes, **request: bool) -> str:
    """Run the child on a file, see its docstring; return how its process ended."""
    (folder / "model.tflite").write_bytes(content)
    values = {"hint": estimate(content).total, **request}
    (folder / "request.json").write_text(json.dumps(values))
    return start(CHILD, [str(folder)], SECONDS)


def start(script: Path, arguments: list[str], seconds: float) -> str:
    """Run a script in a Python process without this folder's modules.

    Args:
        script: the script.
        arguments: its arguments.
        seconds: after which it is ended.

    Returns:
        How it ended: `ended with code 1: LAST LINE`.
    """
    command = [sys.executable, "-I", str(script), *arguments]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=seconds, check=False
        )
    except subprocess.TimeoutExpired:
        return f"did not end within {seconds:g} s"
    last = (done.stderr.strip().splitlines() or [""])[-1]
    return f"ended with code {done.returncode}" + (f": {last}" if last else "")


def _result(
    answer: Mapping[str, Any], content: bytes, outputs: Path
) -> MicroRun | Refusal:
    if "smallest" not in answer or "head" not in answer:
        return Refusal(refusal(answer["log"], content))
    return MicroRun(
        arena=-(-answer["smallest"] // 16) * 16 + MARGIN,
        head=answer["head"],
        tail=answer["tail"],
        outputs=np.load(outputs),
    )


def refusal(log: str, content: bytes) -> str:
    """Name the operator that the runtime does not run, and where it stands.

    Args:
        log: what the runtime wrote.
        content: bytes of the file, whose tensors name the layer.
    """
    if match := MISSING.search(log) or CUSTOM.search(log):
        return f"it has no operator {match[1]}{_layer(content, match[1])}"
    if match := NODE.search(log):
        first = log.strip().splitlines()[0]
        layer = _output_text(content, int(match[2]))
        return f"operator {match[1]}{layer} fails to {match[3]}: {first}"
    lines = [line.strip() for line in log.splitlines() if line.strip()]
    return "; ".join(lines[-LINES:]) or "it gave no reason"


def _layer(content: bytes, name: str) -> str:
    """Where the first operator of a kind stands."""
    kinds = operator_kinds(content)
    return _output_text(content, kinds.index(name)) if name in kinds else ""


def _output_text(content: bytes, number: int) -> str:
    """Number of an operator, and name or shape of its output."""
    graph = parse(content).subgraphs[0]
    if number >= len(graph.operators):
        return ""
    tensor = graph.tensors[graph.operators[number].outputs[0]]
    shape = "x".join(str(int(size)) for size in tensor.shape)
    name = f"{tensor.name.decode()}, " if tensor.name else ""
    return f" (number {number}: {name}{shape})"
