"""What evaluate asks of a file, for each task.

In: files and test examples. Out: what a file said, a row that compares it with the
baseline, and further files: flips, confusion and calibration, which only classes have.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.inference.interpreter import LiteModel
from pipeline.data.artifact import Data, Split
from pipeline.data.measure import measure_of
from pipeline.core.json_io import write_json
from pipeline.evaluate import (
    anomaly,
    calibration,
    compare,
    confusion,
    prediction_changes,
    regression,
)
from pipeline.evaluate.compare import Answers
from pipeline.inference.batch_interpreter import BatchModel
from pipeline.scores import ANOMALIES, CLASSES, NUMBERS

Row = dict[str, Any]
Point = Mapping[str, Any]


@dataclass(frozen=True)
class Bench:
    """What all files are tried on.

    Args:
        fitting: validation examples that temperatures are fitted on.
    """

    data: Data
    test: Split
    fitting: Split
    threads: int

    @property
    def exam(self) -> Exam:
        """What is asked, for the task of the data."""
        return EXAMS[self.data.spec.task]

    def answer(self, path: Path, point: Point) -> tuple[dict[str, Row], Any]:
        """How a file takes and gives numbers, and what it said.

        Args:
            point: the file's row of pareto.json.
        """
        model = BatchModel(path, self.data.spec, self.threads)
        return ends(model.single), self.exam.said(self, model, point)


@dataclass(frozen=True)
class Exam:
    """What is asked of a file.

    Args:
        said: `(bench, model, point)` -> what the file said.
        compare: `(before, after, resamples, seed)` -> a row of evaluation.json.
        more: `(out, bench, said by name, pareto)` writes further files.
    """

    said: Callable[[Bench, BatchModel, Point], Any]
    compare: Callable[[Any, Any, int, int], Row]
    more: Callable[[Path, Bench, Mapping[str, Any], Point], None]


def ends(model: LiteModel) -> dict[str, Row]:
    """How a file's input and output are stored."""
    return {"input": _tensor(model.input), "output": _tensor(model.output)}


def _tensor(detail: Row) -> Row:
    """How numbers are stored: value = (stored - zero_point) * scale for integers."""
    scale, zero_point = detail["quantization"]
    kind = np.dtype(detail["dtype"]).name
    return {"dtype": kind, "scale": float(scale), "zero_point": int(zero_point)}


def _answers(bench: Bench, model: BatchModel, point: Point) -> Answers:
    temperature = 1.0
    if len(bench.fitting):
        fitted = model.logits(bench.fitting.x)
        temperature = calibration.fit_temperature(fitted, bench.fitting.y)
    return Answers(bench.test.y, model.logits(bench.test.x), temperature)


def _numbers(bench: Bench, model: BatchModel, point: Point) -> regression.Numbers:
    outputs = model.logits(bench.test.x)
    return regression.read_numbers(bench.test.y, outputs, bench.data.spec)


def _errors(bench: Bench, model: BatchModel, point: Point) -> anomaly.Errors:
    inputs, y = bench.data.spec.to_input(bench.test.x), bench.test.y
    error = measure_of(bench.data.spec).evidence(model.answers(inputs), inputs, y)
    return anomaly.Errors(y, error, point["threshold"])


def _of_classes(
    out: Path, bench: Bench, said: Mapping[str, Answers], pareto: Point
) -> None:
    """Calibration; what the chosen file decides otherwise than the baseline, and who
    is taken for whom."""
    _write_calibration(out, said)
    baseline = said[pareto["baseline"]]
    last = said.get(pareto["chosen"], baseline)
    prediction_changes.write(out, bench.data, bench.test, baseline, last)
    shown = dict.fromkeys(filter(None, (pareto["baseline"], pareto["chosen"])))
    panels = {name: said[name].predicted for name in shown}
    confusion.draw(out / "confusion.png", bench.test.y, panels, bench.data.spec)


def _write_calibration(out: Path, said: Mapping[str, Answers]) -> None:
    """Reliability diagrams of every file, as it is and at its temperature."""
    diagrams = {
        name: {
            "raw": calibration.diagram(one.log_p, one.y),
            "scaled": calibration.diagram(one.scaled, one.y),
        }
        for name, one in said.items()
    }
    document = {"bins": calibration.BINS, "variants": diagrams}
    write_json(out / "calibration.json", document)


def _nothing(out: Path, bench: Bench, said: Mapping[str, Any], pareto: Point) -> None:
    """Numbers and anomalies have no classes that could be mistaken for others."""


EXAMS = {
    CLASSES: Exam(_answers, compare.compare, _of_classes),
    NUMBERS: Exam(_numbers, regression.compare, _nothing),
    ANOMALIES: Exam(_errors, anomaly.compare, _nothing),
}
