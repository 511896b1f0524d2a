"""What evaluate runs a file on, and how it stores its input and output."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.inference.interpreter import LiteModel
from pipeline.data.artifact import Data, Split
from pipeline.inference.batch_interpreter import BatchModel
from pipeline.tasks.evaluation import Evaluator, evaluator_of

Row = dict[str, Any]


@dataclass(frozen=True)
class EvaluationContext:
    """What all files are evaluated on.

    Args:
        test: examples that no decision has seen.
        fitting: validation examples that temperatures are fitted on.
        threads: of the runtime.
    """

    data: Data
    test: Split
    fitting: Split
    threads: int

    @property
    def evaluator(self) -> Evaluator:
        """The evaluation of the data's task."""
        return evaluator_of(self.data.spec)

    def evaluate(
        self, path: Path, point: Mapping[str, Any]
    ) -> tuple[dict[str, Row], Any]:
        """How a file stores its input and output, and its predictions.

        Args:
            point: the file's row of pareto.json.
        """
        model = BatchModel(path, self.data.spec, self.threads)
        return tensors(model.single), self.evaluator.predict(self, model, point)


def tensors(model: LiteModel) -> dict[str, Row]:
    """How a file's input and output are stored."""
    return {"input": _tensor(model.input), "output": _tensor(model.output)}


def _tensor(detail: Row) -> Row:
    """How numbers are stored: value = (stored - zero_point) * scale for integers."""
    scale, zero_point = detail["quantization"]
    kind = np.dtype(detail["dtype"]).name
    return {"dtype": kind, "scale": float(scale), "zero_point": int(zero_point)}
