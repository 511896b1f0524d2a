"""A .tflite file on many examples at a time. TensorFlow is not imported.

model = BatchModel(path, spec)
model.logits(raw)                   # (n, classes), (n, 1) or (n, *shape)
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from pipeline.inference.interpreter import LiteModel, dequantize, quantize
from pipeline.data.spec import TaskSpec
from pipeline.core.errors import UserError
from pipeline.tasks.registry import task_of

BATCH = 64
SAME = 1e-4  # how far a batch may be from one example at a time, by rounding


class BatchModel:
    """A .tflite file whose input is widened to a batch, where the file allows it.

    A file may have the batch written into an operator, or keep a state from one
    example to the next; then it is run one example at a time, as on a device.

    Args:
        path: the file, of one example at a time.
        spec: how raw examples become the model's input.
        threads: threads of the interpreter.

    Raises:
        UserError: when the file is unreadable or does not fit the data.
    """

    def __init__(self, path: Path, spec: TaskSpec, threads: int = 1):
        self.single = LiteModel(path, spec, threads)
        self.spec = spec
        self.shape = task_of(spec).output_shape(spec)
        answers = tuple(int(size) for size in self.single.output["shape"][1:])
        if answers != self.shape:
            raise UserError(
                f"{path}: answers with {answers} numbers an example, but data "
                f'"{spec.name}" {task_of(spec).expects(spec)}; run compress again'
            )
        self.wide = _widened(path, spec, threads)

    def logits(self, raw: np.ndarray) -> np.ndarray:
        """float32 `(n, *answer)` for stored examples, `(n, *spec.shape)`."""
        return self.answers(self.spec.to_input(raw))

    def answers(self, inputs: np.ndarray) -> np.ndarray:
        """float32 `(n, *answer)` for model inputs, `(n, *spec.shape)`."""
        outputs = np.empty((len(inputs), *self.shape), self.single.output["dtype"])
        for at in range(0, len(inputs), BATCH):
            part = quantize(inputs[at : at + BATCH], self.single.input)
            outputs[at : at + BATCH] = self._batch(part)
        return dequantize(outputs, self.single.output)

    def _batch(self, examples: np.ndarray) -> np.ndarray:
        if self.wide is None or len(examples) < 2:
            return self._one_by_one(examples)
        missing = BATCH - len(examples)
        padded = np.concatenate([examples, np.repeat(examples[:1], missing, axis=0)])
        self.wide.reset_all_variables()
        self.wide.set_tensor(self.single.input["index"], padded)
        self.wide.invoke()
        found = self.wide.get_tensor(self.single.output["index"])[: len(examples)]
        if not self._checked(examples, found):
            self.wide = None
            return self._one_by_one(examples)
        return found

    def _one_by_one(self, examples: np.ndarray) -> np.ndarray:
        index, found = self.single.output["index"], []
        for example in examples:
            self.single.run(example)
            found.append(self.single.interpreter.get_tensor(index)[0].copy())
        return np.stack(found)

    def _checked(self, examples: np.ndarray, found: np.ndarray) -> bool:
        """Whether the last example of a batch is answered as it is alone."""
        if found.shape != (len(examples), *self.shape):
            return False
        alone = self._one_by_one(examples[-1:])[0]
        if np.issubdtype(found.dtype, np.integer):
            return bool(np.array_equal(alone, found[-1]))
        return bool(np.allclose(alone, found[-1], rtol=SAME, atol=SAME))


def _widened(path: Path, spec: TaskSpec, threads: int):
    """The interpreter with a batch; None where the file does not take one."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(str(path), num_threads=threads)
    index = interpreter.get_input_details()[0]["index"]
    try:
        interpreter.resize_tensor_input(index, (BATCH, *spec.shape))
        interpreter.allocate_tensors()
    except (RuntimeError, ValueError):
        return None
    shape = interpreter.get_output_details()[0]["shape"]
    return interpreter if int(shape[0]) == BATCH else None
