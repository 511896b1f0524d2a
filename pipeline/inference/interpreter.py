"""Run a .tflite file: raw examples in, outputs out. TensorFlow is not imported.

model = LiteModel(folder / "best.tflite", read_spec(data_folder))
classes = model.logits(raw).argmax(axis=1)
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from pipeline.data.spec import TaskSpec
from pipeline.core.errors import UserError

WARM_UP = 10
FEWEST_RUNS, MOST_RUNS = 50, 300
SECONDS = 3.0  # of measuring in all, once every variant has its fewest runs


class LiteModel:
    """A .tflite file in the default interpreter, one example at a time.

    Args:
        path: the file.
        spec: how raw examples become the model's input.
        threads: threads of the interpreter; fixed, since they change latency.

    Raises:
        UserError: when the file is unreadable or does not fit the data.
    """

    def __init__(self, path: Path, spec: TaskSpec, threads: int = 1):
        self.path = path
        self.spec = spec
        self.interpreter = _open(path, threads)
        self.input = self.interpreter.get_input_details()[0]
        self.output = self.interpreter.get_output_details()[0]
        shape = tuple(int(size) for size in self.input["shape"])
        if shape != (1, *spec.shape):
            raise UserError(
                f'{path}: takes examples of shape {shape[1:]}, but data "{spec.name}" '
                f"has {spec.shape}; run compress again on these data"
            )

    def logits(self, raw: np.ndarray) -> np.ndarray:
        """Run every example.

        Args:
            raw: examples as the data stage stores them, `(n, *spec.shape)`.

        Returns:
            float32 `(n, classes)`, `(n, 1)` numbers, or rebuilt inputs `(n, *shape)`;
            dequantized when the file's output is integer.
        """
        examples = quantize(self.spec.to_input(raw), self.input)
        return dequantize(self.outputs(examples), self.output)

    def outputs(self, examples: np.ndarray) -> np.ndarray:
        """Run every example, in and out in the file's own dtypes."""
        shape = (len(examples), *self.output["shape"][1:])
        outputs = np.empty(shape, self.output["dtype"])
        for at, example in enumerate(examples):
            self.run(example)
            outputs[at] = self.interpreter.get_tensor(self.output["index"])[0]
        return outputs

    def delegated(self) -> dict[str, int]:
        """How many operators there are, and how many parts a delegate took over."""
        names = [each["op_name"] for each in self.interpreter._get_ops_details()]
        parts = names.count("DELEGATE")
        return {"operators": len(names) - parts, "delegated_parts": parts}

    def run(self, example: np.ndarray) -> float:
        """Run one example that has the file's own dtype; the time in milliseconds.

        Recurrent operators keep their state in the file's variables from one run to
        the next: without the reset, an example would be read as a continuation.
        """
        self.interpreter.reset_all_variables()
        self.interpreter.set_tensor(self.input["index"], example[None])
        start = time.perf_counter_ns()
        self.interpreter.invoke()
        return (time.perf_counter_ns() - start) / 1e6


def quantize(values: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    """Values as a tensor's integers: rounded, THEN clipped to what the dtype holds.

    A cast alone would cut off digits and wrap round: 130 would become -126. Halves
    are rounded away from zero, as the runtime's own QUANTIZE operator does it.

    Args:
        values: float32 of any shape; or integers, such as word numbers, which an
            integer tensor without a scale takes as they are.
        detail: the tensor's entry of the interpreter; a float tensor changes nothing.
    """
    scale, zero_point = detail["quantization"]
    if not scale and np.issubdtype(values.dtype, np.integer):
        return values.astype(detail["dtype"])
    if not np.issubdtype(detail["dtype"], np.integer):
        return values.astype(detail["dtype"])
    if not scale:
        raise UserError(f'tensor "{detail["name"]}" is integer and has no scale')
    steps = values / np.float32(scale)
    rounded = np.trunc(steps + np.copysign(np.float32(0.5), steps)) + zero_point
    limits = np.iinfo(detail["dtype"])
    return np.clip(rounded, limits.min, limits.max).astype(detail["dtype"])


def dequantize(values: np.ndarray, detail: Mapping[str, Any]) -> np.ndarray:
    """The float32 values that a tensor's numbers stand for."""
    if not np.issubdtype(values.dtype, np.integer):
        return values.astype(np.float32)
    scale, zero_point = detail["quantization"]
    return (values.astype(np.float32) - zero_point) * np.float32(scale)


def measure_latency(
    models: Mapping[str, LiteModel], raw: np.ndarray
) -> dict[str, dict[str, float]]:
    """Milliseconds per example of every model, measured side by side.

    Models take turns, so that whatever else the machine does meets them alike.

    Args:
        models: name -> model, all of the same data.
        raw: at least one raw example; they are used in turn.

    Returns:
        name -> median, p10 and p90 in milliseconds, and the number of runs.
    """
    inputs = {
        name: quantize(model.spec.to_input(raw), model.input)
        for name, model in models.items()
    }
    for name, model in models.items():
        for at in range(WARM_UP):
            model.run(inputs[name][at % len(raw)])
    times: dict[str, list[float]] = {name: [] for name in models}
    end = time.monotonic() + SECONDS
    for turn in range(MOST_RUNS if models else 0):
        if turn >= FEWEST_RUNS and time.monotonic() > end:
            break
        for name, model in models.items():
            times[name].append(model.run(inputs[name][turn % len(raw)]))
    return {name: _summary(values) for name, values in times.items()}


def _summary(milliseconds: list[float]) -> dict[str, float]:
    p10, median, p90 = np.percentile(milliseconds, [10, 50, 90]).round(5).tolist()
    return {"median": median, "p10": p10, "p90": p90, "runs": len(milliseconds)}


def _open(path: Path, threads: int) -> Interpreter:
    try:
        interpreter = Interpreter(str(path), num_threads=threads)
        interpreter.allocate_tensors()
    except (ValueError, RuntimeError, OSError) as error:
        reason = str(error).strip().splitlines() or ["no reason given"]
        raise UserError(
            f"{path}: not a file that the runtime can open ({reason[0]}); "
            "run compress again"
        ) from error
    return interpreter
