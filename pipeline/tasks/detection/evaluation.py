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
from pipeline.tasks.evaluation import Context, Evaluator, Model, Point, Row

BATCH = 64  # images whose outputs are in memory


def _predict(context: Context, model: Model, point: Point) -> Boxes:
    x, spec = context.test.x, context.data.spec
    begins = range(0, len(x), BATCH)
    outputs = (model.logits(np.asarray(x[begin : begin + BATCH])) for begin in begins)
    found = np.concatenate([decode(output) for output in outputs])
    threshold = point.get("threshold") or DEFAULT_THRESHOLD
    size = (spec.shape[0], spec.shape[1])
    return Boxes(context.test.y, found, threshold, len(spec.classes), size)


def _compare(before: Boxes, after: Boxes, resamples: int, seed: int) -> Row:
    return compare(before, after, resamples, seed).to_json()


def _write(
    out: Path, context: Context, predictions: Mapping[str, Boxes], pareto: Point
) -> None:
    baseline = predictions[pareto["baseline"]]
    chosen = predictions.get(pareto["chosen"], baseline)
    pictures.write(out, context, baseline, chosen)


EVALUATION = Evaluator(_predict, _compare, _write, lambda boxes: boxes.found)
