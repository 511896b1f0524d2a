"""Run an exported file on the examples of an evaluation.

In: a .tflite file and its row of pareto.json. Out: predictions on the test split, and
how the file stores its input and output.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.data.artifact import Data, Split
from pipeline.evaluate.evaluation import TensorFormat
from pipeline.inference.batch_interpreter import BatchModel
from pipeline.inference.interpreter import LiteModel
from pipeline.tasks.evaluation import Evaluator, evaluator_of
from pipeline.tasks.metric import metric_of


@dataclass(frozen=True)
class EvaluatedFile:
    """Predictions of one file.

    Args:
        input: how the file stores its input.
        output: how the file stores its output.
        predictions: predictions on the test split, as the task's evaluator returns
            them.
        evidence: of the task's metric for each test example, `(n, ...)`.
    """

    input: TensorFormat
    output: TensorFormat
    predictions: Any
    evidence: np.ndarray


class RunOnce:
    """A model whose outputs for one array are computed once.

    Args:
        model: that runs.
        raw: the array, such as all test examples.
    """

    def __init__(self, model: BatchModel, raw: np.ndarray):
        self.model, self.raw = model, raw
        self.kept: np.ndarray | None = None

    def logits(self, raw: np.ndarray) -> np.ndarray:
        """Return outputs for stored examples; see `pipeline.tasks.evaluation.Model`."""
        if raw is not self.raw:
            return self.model.logits(raw)
        if self.kept is None:
            self.kept = self.model.logits(raw)
        return self.kept

    def predict(self, inputs: np.ndarray) -> np.ndarray:
        """Return outputs for model inputs; see `pipeline.tasks.evaluation.Model`."""
        return self.model.predict(inputs)


@dataclass(frozen=True)
class EvaluationContext:
    """Examples and settings that all files are evaluated with.

    Args:
        data: the published data.
        test: test split, on which nothing was chosen or fitted.
        fitting: validation examples, on which temperatures are fitted.
        threads: threads of the interpreter.
    """

    data: Data
    test: Split
    fitting: Split
    threads: int

    @property
    def evaluator(self) -> Evaluator:
        """Evaluation part of the data's task."""
        return evaluator_of(self.data.spec)

    def evaluate(self, path: Path, point: Mapping[str, Any]) -> EvaluatedFile:
        """Run a file on the test split.

        Args:
            path: the .tflite file.
            point: its row of pareto.json.

        Raises:
            UserError: when the file is unreadable or does not fit the data.
        """
        spec, test = self.data.spec, self.test
        model = BatchModel(path, spec, self.threads)
        outputs = RunOnce(model, test.x)
        predictions = self.evaluator.predict(self, outputs, point)
        if self.evaluator.evidence:
            evidence = self.evaluator.evidence(predictions)
        else:
            evidence = metric_of(spec).evidence(
                outputs.logits(test.x), spec.to_input(test.x), test.y
            )
        return EvaluatedFile(*tensor_formats(model.single), predictions, evidence)


def tensor_formats(model: LiteModel) -> tuple[TensorFormat, TensorFormat]:
    """Return how a file stores its input, and how it stores its output."""
    return _tensor_format(model.input), _tensor_format(model.output)


def _tensor_format(details: Mapping[str, Any]) -> TensorFormat:
    scale, zero_point = details["quantization"]
    dtype = np.dtype(details["dtype"]).name
    return TensorFormat(dtype, float(scale), int(zero_point))
