"""Models that read token by token or frame by frame: with states, or with a window.

In: a .tflite file. Out: logits of the next token after each token, or of the classes
after each frame of sound. TensorFlow is not imported.

    model = step_model(folder)          # best_stateful.tflite, else best.tflite
    logits = model.read(17)             # after token 17, (vocabulary,)
    logits = model.read(frame)          # after a frame, (bins, 1) to (classes,)
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from ai_edge_litert.interpreter import Interpreter

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.inference.interpreter import LiteModel, dequantize, quantize
from pipeline.inference.model_check import check_model
from pipeline.tasks.spec import TaskSpec

STATEFUL = "stateful"  # folder of the files that read step by step
TOKEN, FRAME, LOGITS, STATE, NEXT = "token", "frame", "logits", "state_", "next_"


class StepModel(Protocol):
    """A model of texts that reads one token at a time."""

    def reset(self) -> None:
        """Forget what was read."""

    def read(self, token: int) -> np.ndarray:
        """Read a token; return float32 logits of the next one, `(vocabulary,)`."""


class StatefulModel:
    """A file with states as inputs and outputs, see `pipeline.compress.stateful`.

    Args:
        path: the file.
        threads: threads of the interpreter; default 1.

    Raises:
        UserError: when the file is unreadable, or is another kind of file.
    """

    def __init__(self, path: Path, threads: int = 1):
        self.interpreter, self.inputs, self.outputs = _open(path, threads)
        self.input = self.inputs[TOKEN if TOKEN in self.inputs else FRAME]
        count = len(self.inputs) - 1
        self.states = [
            (self.inputs[f"{STATE}{k}"], self.outputs[f"{NEXT}{k}"])
            for k in range(count)
        ]
        self.reset()

    def reset(self) -> None:
        """Begin a new text or recording: states are zero."""
        for state, _ in self.states:
            zeros = np.zeros(state["shape"], np.float32)
            self.interpreter.set_tensor(state["index"], quantize(zeros, state))

    def read(self, step: int | np.ndarray) -> np.ndarray:
        """Read a token, or a frame as the model's input has it, `(bins, 1)`.

        Returns:
            float32 logits: of the next token, `(vocabulary,)`, or of the classes,
            `(classes,)`.
        """
        return dequantize(self.stored(step), self.outputs[LOGITS])

    def stored(self, step: int | np.ndarray) -> np.ndarray:
        """Read a token or a frame; return logits as the file stores them."""
        run = self.interpreter
        value = np.asarray(step)[None, None]
        run.set_tensor(self.input["index"], quantize(value, self.input))
        run.invoke()
        logits = run.get_tensor(self.outputs[LOGITS]["index"])[0, 0]
        following = [_carried(run, state, after) for state, after in self.states]
        for (state, _), value in zip(self.states, following):
            run.set_tensor(state["index"], value)
        return logits


def read_all(model: StatefulModel, frames: Iterable[np.ndarray]) -> np.ndarray:
    """Return the logits after each frame of a recording, float32 `(frames, classes)`.

    Args:
        model: reads from the beginning.
        frames: as the model's input has them, `(bins, 1)`.
    """
    model.reset()
    return np.stack([model.read(frame) for frame in frames])


class WindowModel:
    """A file of whole windows, run anew for each token on the last tokens.

    Args:
        path: the file.
        spec: signature of the data.
        threads: threads of the interpreter; default 1.
    """

    def __init__(self, path: Path, spec: TaskSpec, threads: int = 1):
        self.model, self.length = LiteModel(path, spec, threads), spec.shape[0]
        self.text: list[int] = []

    def reset(self) -> None:
        """Begin a new text."""
        self.text = []

    def read(self, token: int) -> np.ndarray:
        """Read a token; return float32 logits of the next one, `(vocabulary,)`."""
        self.text = [*self.text, token][-self.length :]
        window = np.zeros((1, self.length), np.int32)
        window[0, : len(self.text)] = self.text
        return self.model.logits(window)[0, len(self.text) - 1]


def _carried(run: Interpreter, state: Any, after: Any) -> np.ndarray:
    """The next state, in the numbers of the state that it becomes."""
    value = run.get_tensor(after["index"])
    if state["quantization"] == after["quantization"]:
        return value
    return quantize(dequantize(value, after), state)


def _open(path: Path, threads: int) -> tuple[Interpreter, Any, Any]:
    """The interpreter, and details of its inputs and outputs by their names."""
    try:
        check_model(path.read_bytes())
        interpreter = Interpreter(str(path), num_threads=threads)
        interpreter.allocate_tensors()
        (names,) = interpreter.get_signature_list().values()
        runner = interpreter.get_signature_runner()
        inputs, outputs = runner.get_input_details(), runner.get_output_details()
        if not {TOKEN, FRAME} & {*names["inputs"]} or LOGITS not in names["outputs"]:
            raise ValueError("it has no input called token or frame")
    except Exception as error:  # a damaged file leads to errors of any kind
        reason = str(error).strip().splitlines() or ["no reason given"]
        raise UserError(
            f"{path}: not a file that reads step by step ({shown(reason[0], 200)}); "
            "run compress again"
        ) from error
    return interpreter, inputs, outputs
