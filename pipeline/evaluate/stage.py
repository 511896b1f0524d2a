"""evaluate: every exported file on the test split, against the float baseline.

In: the folders of data and compress. Out: evaluation.json, confusion.png.
Nothing is decided here: what was chosen was chosen on validation.
Run: python -m pipeline run evaluate --exp digits
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.compress.runtime import LiteModel
from pipeline.data.artifact import Split, read_data
from pipeline.data.heldout import held_out_split
from pipeline.data.spec import TaskSpec
from pipeline.engine.determinism import derive_seed
from pipeline.engine.errors import UserError
from pipeline.engine.jsonio import read_json, write_json
from pipeline.engine.stage import Inputs
from pipeline.evaluate import confusion
from pipeline.evaluate.compare import Reference, compare
from pipeline.evaluate.params import EvaluateParams

FROM_COMPRESS = ("id", "source", "recipe", "bytes_raw", "bytes_gzip")
Row = dict[str, Any]


@dataclass(frozen=True)
class Answers:
    """What one file said.

    Args:
        ends: dtype and scale of its `input` and `output`.
        classes: class number of each test example, `(n,)`.
    """

    ends: dict[str, Row]
    classes: np.ndarray


def run(params: EvaluateParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Run the files, compare them with the baseline, draw who is mistaken for whom."""
    spec = read_data(inputs["data"]).spec
    test = _test_split(inputs["data"])
    pareto = read_json(inputs["compress"] / "pareto.json")
    points = [point for point in pareto["points"] if point["status"] == "ok"]
    answers = _run_files(points, spec, test, inputs)
    reference = Reference(
        test.y, answers[pareto["baseline"]].classes, len(spec.classes)
    )
    seed = derive_seed(inputs.seed, "bootstrap")
    evaluation = {
        "baseline": pareto["baseline"],
        "chosen": pareto["chosen"],
        "examples": len(test),
        "classes": list(spec.classes),
        "variants": [
            _row(point, answers[point["id"]], reference, params.resamples, seed)
            for point in points
        ],
    }
    write_json(out / "evaluation.json", evaluation)
    shown = dict.fromkeys(filter(None, (pareto["baseline"], pareto["chosen"])))
    panels = {name: answers[name].classes for name in shown}
    confusion.draw(out / "confusion.png", test.y, panels, spec)
    return _metrics(evaluation)


def _test_split(folder: Path) -> Split:
    test = held_out_split(folder)
    if not len(test):
        raise UserError(f"{folder}: the test split is empty; raise data.split.test")
    return test


def _run_files(
    points: list[Row], spec: TaskSpec, test: Split, inputs: Inputs
) -> dict[str, Answers]:
    """Variant -> its answers, one file after the other."""
    answers = {}
    for number, point in enumerate(points, 1):
        words = f"file {number}/{len(points)}  {point['source']} | {point['recipe']}"
        inputs.progress(words, done=number, total=len(points))
        path = inputs["compress"] / point["file"]
        model = LiteModel(path, spec, inputs.threads)
        ends = {"input": _tensor(model.input), "output": _tensor(model.output)}
        classes = _classes(model.logits(test.x), spec, path)
        answers[point["id"]] = Answers(ends, classes)
    return answers


def _row(
    point: Row, answers: Answers, reference: Reference, resamples: int, seed: int
) -> Row:
    known = {key: point[key] for key in FROM_COMPRESS}
    measured = compare(reference, answers.classes, resamples, seed)
    return known | answers.ends | measured


def _tensor(detail: Row) -> Row:
    """How numbers are stored: value = (stored - zero_point) * scale for integers."""
    scale, zero_point = detail["quantization"]
    kind = np.dtype(detail["dtype"]).name
    return {"dtype": kind, "scale": float(scale), "zero_point": int(zero_point)}


def _classes(logits: np.ndarray, spec: TaskSpec, path: Path) -> np.ndarray:
    if logits.shape[1:] != (len(spec.classes),):
        raise UserError(
            f"{path}: answers with {logits.shape[1:]} numbers an example, but data "
            f'"{spec.name}" has {len(spec.classes)} classes; run compress again'
        )
    return logits.argmax(axis=1)


def _metrics(evaluation: dict[str, Any]) -> dict[str, Any]:
    rows = {row["id"]: row for row in evaluation["variants"]}
    baseline, chosen = rows[evaluation["baseline"]], rows.get(evaluation["chosen"])
    end = f"chosen {chosen['accuracy']:.3f}" if chosen else "nothing chosen"
    return {
        "headline": f"{len(rows)} files on {evaluation['examples']:,} test examples, "
        f"baseline {baseline['accuracy']:.3f}, {end}",
        "examples": evaluation["examples"],
        "files": len(rows),
        "accuracy": {name: row["accuracy"] for name, row in rows.items()},
    }
