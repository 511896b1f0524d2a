"""Run a .tflite file: stored examples in, outputs out. TensorFlow is not imported.

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

from pipeline.core.decoding import decoding
from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.inference.model_check import check_model
from pipeline.tasks.spec import TaskSpec

Details = dict[str, Any]  # of a tensor, as the interpreter gives them
WARM_UP_RUNS = 10
MIN_RUNS, MAX_RUNS = 50, 300
SECONDS = 3.0  # total measuring time, once every model has had its minimum of runs


class LiteModel:
    """A .tflite file in the default interpreter, one example at a time.

    Args:
        path: the file.
        spec: conversion of stored examples to model inputs.
        threads: threads of the interpreter, which change the latency; default 1.

    Raises:
        UserError: when the file is unreadable or does not fit the data.
    """

    def __init__(self, path: Path, spec: TaskSpec, threads: int = 1):
        self.path = path
        self.spec = spec
        self.interpreter, self.input, self.output = _open(path, threads)
        shape = tuple(int(size) for size in self.input["shape"])
        if shape != (1, *spec.shape):
            raise UserError(
                f"{path}: the input has shape {shape[1:]}, but an example of data "
                f'"{spec.name}" has {spec.shape}; run compress again on these data'
            )

    def logits(self, raw: np.ndarray) -> np.ndarray:
        """Run stored examples.

        Args:
            raw: examples as the data stage stores them, `(n, *spec.shape)`.

        Returns:
            float32 logits `(n, classes)`, predicted numbers `(n, 1)` or reconstructed
            inputs `(n, *shape)`; dequantized where the file's output is integer.
        """
        return self.predict(self.spec.to_input(raw))

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Run model inputs.

        Args:
            inputs: real-valued model inputs, `(n, *spec.shape)`.

        Returns:
            float32 outputs, as `logits` returns them.
        """
        examples = quantize(inputs, self.input)
        return dequantize(self.outputs(examples), self.output)

    def outputs(self, examples: np.ndarray) -> np.ndarray:
        """Run examples in the file's own dtypes, without conversion.

        Args:
            examples: `(n, *shape)`, quantized, or float32 for a float file.

        Returns:
            Outputs as the file stores them, `(n, ...)`.
        """
        shape = (len(examples), *self.output["shape"][1:])
        outputs = np.empty(shape, self.output["dtype"])
        with decoding(self.path, "a file that the runtime can run"):
            for position, example in enumerate(examples):
                self.run(example)
                outputs[position] = self.interpreter.get_tensor(self.output["index"])[0]
        return outputs

    def delegated(self) -> dict[str, int]:
        """Count the operators of the file, and the partitions run by a delegate."""
        names = [details["op_name"] for details in self.interpreter._get_ops_details()]
        partitions = names.count("DELEGATE")
        return {"operators": len(names) - partitions, "delegated_parts": partitions}

    def run(self, example: np.ndarray) -> float:
        """Run one example and measure it.

        Recurrent operators keep their state in variables of the file between runs:
        without the reset, an example would be read as the continuation of the last one.

        Args:
            example: input in the file's own dtype, `(*shape)`, without a batch.

        Returns:
            Time of the inference in milliseconds.
        """
        self.interpreter.reset_all_variables()
        self.interpreter.set_tensor(self.input["index"], example[None])
        start = time.perf_counter_ns()
        self.interpreter.invoke()
        return (time.perf_counter_ns() - start) / 1e6


def quantize(values: np.ndarray, details: Mapping[str, Any]) -> np.ndarray:
    """Quantize: `stored = round(real / scale) + zero_point`, saturated to the dtype.

    A plain cast would truncate and wrap around: 130 would become -126. Halves are
    rounded away from zero, as by the runtime's own QUANTIZE operator.

    Args:
        values: float32 of any shape; or integers, such as token numbers, which an
            integer tensor without a scale stores unchanged.
        details: the tensor's entry of the interpreter; for a float tensor, values are
            only cast.

    Returns:
        Values in the dtype of the tensor, same shape.

    Raises:
        UserError: for float values and an integer tensor without a scale.
    """
    scale, zero_point = details["quantization"]
    if not scale and np.issubdtype(values.dtype, np.integer):
        return values.astype(details["dtype"])
    if not np.issubdtype(details["dtype"], np.integer):
        return values.astype(details["dtype"])
    if not scale:
        raise UserError(
            f'tensor "{details["name"]}" is integer but has no quantization scale; '
            "run compress again"
        )
    steps = values / np.float32(scale)
    rounded = np.trunc(steps + np.copysign(np.float32(0.5), steps)) + zero_point
    limits = np.iinfo(details["dtype"])
    with np.errstate(invalid="ignore"):  # NaN, which `predict` warns about
        return np.clip(rounded, limits.min, limits.max).astype(details["dtype"])


def dequantize(values: np.ndarray, details: Mapping[str, Any]) -> np.ndarray:
    """Dequantize: `real = (stored - zero_point) * scale`.

    Args:
        values: stored values of any shape; float values are only cast.
        details: the tensor's entry of the interpreter.

    Returns:
        float32 values, same shape.
    """
    if not np.issubdtype(values.dtype, np.integer):
        return values.astype(np.float32)
    scale, zero_point = details["quantization"]
    return (values.astype(np.float32) - zero_point) * np.float32(scale)


def measure_latency(
    models: Mapping[str, LiteModel], raw: np.ndarray
) -> dict[str, dict[str, float]]:
    """Measure the latency of several models, side by side.

    Models take turns, so that other load on the machine affects all of them alike.

    Args:
        models: name -> model, all for the same data.
        raw: stored examples `(n, *shape)`, at least one, which are run in turn.

    Returns:
        name -> median, p10 and p90 in milliseconds per example, and the number of runs.
    """
    inputs = {
        name: quantize(model.spec.to_input(raw), model.input)
        for name, model in models.items()
    }
    for name, model in models.items():
        for turn in range(WARM_UP_RUNS):
            model.run(inputs[name][turn % len(raw)])
    times: dict[str, list[float]] = {name: [] for name in models}
    deadline = time.monotonic() + SECONDS
    for turn in range(MAX_RUNS if models else 0):
        if turn >= MIN_RUNS and time.monotonic() > deadline:
            break
        for name, model in models.items():
            times[name].append(model.run(inputs[name][turn % len(raw)]))
    return {name: _summary(values) for name, values in times.items()}


def _summary(milliseconds: list[float]) -> dict[str, float]:
    p10, median, p90 = np.percentile(milliseconds, [10, 50, 90]).round(5).tolist()
    return {"median": median, "p10": p10, "p90": p90, "runs": len(milliseconds)}


def _open(path: Path, threads: int) -> tuple[Interpreter, Details, Details]:
    """The interpreter, and the details of the first input and output."""
    try:
        check_model(path.read_bytes())
        interpreter = Interpreter(str(path), num_threads=threads)
        interpreter.allocate_tensors()
        details = interpreter.get_input_details(), interpreter.get_output_details()
        return interpreter, details[0][0], details[1][0]
    except Exception as error:  # a damaged file leads to errors of any kind
        reason = str(error).strip().splitlines() or ["no reason given"]
        raise UserError(
            f"{path}: the runtime cannot open this file ({shown(reason[0], 200)}); "
            "run compress again"
        ) from error
