"""Evaluation of classifiers: calibration, changed predictions, confusion matrices.

Besides a row of evaluation.json: calibration.json, flips.json, flips.png and
confusion.png.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.core.json_io import write_json
from pipeline.metrics import calibration
from pipeline.tasks.classification import confusion, flips
from pipeline.tasks.classification.comparison import Predictions, compare
from pipeline.tasks.evaluation import (
    Context,
    Evaluator,
    Model,
    Point,
    as_row,
    baseline_and_chosen,
)


def _predict(context: Context, model: Model, point: Point) -> Predictions:
    temperature = 1.0
    if len(context.fitting):
        logits = model.logits(context.fitting.x)
        temperature = calibration.fit_temperature(logits, context.fitting.y)
    return Predictions(context.test.y, model.logits(context.test.x), temperature)


def _write(
    out: Path, context: Context, predictions: Mapping[str, Predictions], pareto: Point
) -> None:
    _write_calibration(out, predictions)
    baseline, chosen = baseline_and_chosen(predictions, pareto)
    flips.write(out, context.data, context.test, baseline, chosen)
    names = dict.fromkeys(filter(None, (pareto["baseline"], pareto["chosen"])))
    panels = {name: predictions[name].predicted for name in names}
    confusion.draw(out / "confusion.png", context.test.y, panels, context.data.spec)


def _write_calibration(out: Path, predictions: Mapping[str, Predictions]) -> None:
    """Reliability diagrams of every file, before and after temperature scaling."""
    diagrams = {
        name: {
            "raw": calibration.reliability_diagram(file.log_p, file.y),
            "scaled": calibration.reliability_diagram(file.scaled, file.y),
        }
        for name, file in predictions.items()
    }
    document = {"bins": calibration.BINS, "variants": diagrams}
    write_json(out / "calibration.json", document)


EVALUATION = Evaluator(_predict, as_row(compare), _write)
