"""Run a .tflite file on batches of examples. TensorFlow is not imported.

model = BatchModel(path, spec)
model.logits(raw)                   # (n, classes), (n, 1) or (n, *shape)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from pipeline.core.errors import UserError
from pipeline.inference.interpreter import LiteModel, dequantize, quantize
from pipeline.tasks.registry import task_of
from pipeline.tasks.spec import TaskSpec

BATCH = 64
TOLERANCE = 1e-4  # float rounding between a batch and a single example


class BatchModel:
    """A .tflite file whose input is resized to a batch, where the file allows it.

    A file may have the batch size fixed in an operator, or keep state between examples;
    then examples are run one at a time, as on a device.

    Args:
        path: the file, with a batch size of 1.
        spec: conversion of stored examples to model inputs.
        threads: threads of the interpreter; default 1.

    Raises:
        UserError: when the file is unreadable or does not fit the data.
    """

    def __init__(self, path: Path, spec: TaskSpec, threads: int = 1):
        self.single = LiteModel(path, spec, threads)
        self.spec = spec
        task = task_of(spec)
        self.output_shape = tuple(int(n) for n in self.single.output["shape"][1:])
        if not task.fits(self.output_shape, spec):
            raise UserError(
                f"{path}: the output has shape {self.output_shape} per example, but "
                f'data "{spec.name}" {task.expects(spec)}; run compress again on these '
                "data"
            )
        self.batched = _resized(path, spec, threads)

    def logits(self, raw: np.ndarray) -> np.ndarray:
        """Run stored examples.

        Args:
            raw: examples as the data stage stores them, `(n, *spec.shape)`.

        Returns:
            float32 outputs, `(n, *output_shape)`.
        """
        return self.predict(self.spec.to_input(raw))

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Run model inputs.

        Args:
            inputs: real-valued model inputs, `(n, *spec.shape)`.

        Returns:
            float32 outputs, dequantized where the file's output is integer,
            `(n, *output_shape)`.
        """
        shape = (len(inputs), *self.output_shape)
        outputs = np.empty(shape, self.single.output["dtype"])
        for start in range(0, len(inputs), BATCH):
            batch = quantize(inputs[start : start + BATCH], self.single.input)
            outputs[start : start + BATCH] = self._run(batch)
        return dequantize(outputs, self.single.output)

    def _run(self, examples: np.ndarray) -> np.ndarray:
        """Run at most `BATCH` examples in the file's own dtypes."""
        if self.batched is None or len(examples) < 2:
            return self.single.outputs(examples)
        outputs = self._run_padded(self.batched, examples)
        if outputs is None or not self._matches_single(examples, outputs):
            self.batched = None
            return self.single.outputs(examples)
        return outputs

    def _run_padded(
        self, batched: Interpreter, examples: np.ndarray
    ) -> np.ndarray | None:
        """Run a full batch; None where an operator holds the batch size of the file."""
        padding = np.repeat(examples[:1], BATCH - len(examples), axis=0)
        batched.reset_all_variables()
        batched.set_tensor(
            self.single.input["index"], np.concatenate([examples, padding])
        )
        try:
            batched.invoke()
        except RuntimeError:  # such as TRANSPOSE_CONV
            return None
        return batched.get_tensor(self.single.output["index"])[: len(examples)]

    def _matches_single(self, examples: np.ndarray, outputs: np.ndarray) -> bool:
        """True if the last example has the same output when it is run alone."""
        if outputs.shape != (len(examples), *self.output_shape):
            return False
        alone, batched = self.single.outputs(examples[-1:])[0], outputs[-1]
        if np.issubdtype(outputs.dtype, np.integer):
            return bool(np.array_equal(alone, batched))
        return bool(np.allclose(alone, batched, rtol=TOLERANCE, atol=TOLERANCE))


def _resized(path: Path, spec: TaskSpec, threads: int) -> Interpreter | None:
    """The interpreter with a batch dimension; None where the file does not allow it."""
    interpreter = Interpreter(str(path), num_threads=threads)
    index = interpreter.get_input_details()[0]["index"]
    try:
        interpreter.resize_tensor_input(index, (BATCH, *spec.shape))
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError):
        return None
    shape = interpreter.get_output_details()[0]["shape"]
    return interpreter if int(shape[0]) == BATCH else None
