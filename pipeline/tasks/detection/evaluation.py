"""Evaluation of detection: precision, centers, and boxes that compression lost.

In: true and found boxes. Out: a row of evaluation.json; detection.json with the worst
images and those that lost most; overlays.png, which draws both; precision.png, the
curves of precision over recall.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from pipeline.tasks.detection import pictures
from pipeline.tasks.detection.comparison import DEFAULT_THRESHOLD, Boxes, compare
from pipeline.tasks.detection.decoding import decode
from pipeline.tasks.evaluation import (
    Context,
    Evaluator,
    Model,
    Point,
    as_row,
    baseline_and_chosen,
    outputs_in_batches,
)


def _predict(context: Context, model: Model, point: Point) -> Boxes:
    spec = context.data.spec
    outputs = outputs_in_batches(model, context.test.x)
    found = np.concatenate([decode(output) for output in outputs])
    threshold = point.get("threshold") or DEFAULT_THRESHOLD
    size = (spec.shape[0], spec.shape[1])
    return Boxes(context.test.y, found, threshold, len(spec.classes), size)


def _write(
    out: Path, context: Context, predictions: Mapping[str, Boxes], pareto: Point
) -> None:
    baseline, chosen = baseline_and_chosen(predictions, pareto)
    pictures.write(out, context, baseline, chosen)


EVALUATION = Evaluator(_predict, as_row(compare), _write, lambda boxes: boxes.found)
