"""distill: train a smaller student on the outputs of the trained model.

In: data, augment, tune, train. Out: student.keras, model.json, history.csv, curves.png,
gain.json: the gain of a teacher for the same student, over several seeds. With
`distill.search` also search.json and search.csv.
Run: python -m pipeline run distill --exp digits
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.core.json_io import write_json
from pipeline.data.artifact import read_data, with_experience
from pipeline.distill.params import DistillParams
from pipeline.distill.student_search import find_student
from pipeline.distill.student_trainer import DISTILLED, PLAIN, Fitted, StudentTrainer
from pipeline.engine.stage import Inputs
from pipeline.metrics.intervals import gain
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import for_chain
from pipeline.train.artifact import Architecture, write_architecture
from pipeline.training.history import History, summary
from pipeline.training.replicates import check_first, replicate_seed, run_all

LARGE_LOSS = 0.05  # of the metric, by the teacher: five points of accuracy


def run(params: DistillParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Train students with and without a teacher; publish the first with a teacher.

    Args:
        params: section `distill`.
        inputs: published folders of data, augment, tune and train.
        out: folder of the results.

    Returns:
        Metrics of the published student, its size and its gain.

    Raises:
        UserError: when the student or a teacher does not fit the task, or no candidate
            of a search is within its limits.
    """
    data = with_experience(read_data(inputs["data"]), inputs["train"])
    trainer = StudentTrainer(params, inputs, data, out)
    if params.search is not None:
        found = find_student(trainer, out)
        student = params.with_student(found.builder, found.values)
        trainer = trainer.with_params(student)
    metric = for_chain(trainer.data.spec.task).metric
    needed, workers = check_first(trainer.check), params.workers
    fits = run_all(trainer.tasks(), workers, inputs.progress, "distill.workers", needed)
    published = fits[f"{DISTILLED} 1"]
    gains = _gain(params, inputs, fits, metric)
    history = _write(published, gains, metric, out)
    inputs.volatile["speed"] = {name: result["speed"] for name, result in fits.items()}
    weights = published["architecture"]["weights"]
    metrics = summary(history, params.epochs, weights, metric)
    print(f"{len(gains['seeds'])} seeds: {gains['verdict']}")
    difference = metric.change(gains["gain"], 1)
    doubts = [*published["doubts"], *_harmful_teacher(gains, metric)]
    headline = f"{metrics['headline']}, teacher gain {difference}"
    return {
        **metrics,
        **({"doubts": doubts} if doubts else {}),
        "headline": "; ".join([headline, *doubts]),
        "smaller": round(published["teacher_weights"] / weights, 1),
        "gain": {key: gains[key] for key in ("gain", "interval", "verdict")},
    }


def _write(
    published: Fitted, gains: dict[str, Any], metric: Metric, out: Path
) -> History:
    history = History(published["rows"], published["best"])
    write_architecture(out, Architecture(**published["architecture"]))
    history.write_csv(out / "history.csv")
    history.draw(out / "curves.png", "student", metric, "distillation loss")
    write_json(out / "gain.json", gains)
    return history


def _harmful_teacher(gains: dict[str, Any], metric: Metric) -> list[str]:
    """A warning where the published student is far worse than without a teacher."""
    kept, plain = gains["with_teacher"][0], gains["without"][0]
    loss, interval = metric.drop(kept, plain), gains["interval"]
    certain = interval is not None and interval[1] < 0
    if loss < LARGE_LOSS and not certain:
        return []
    text = (
        f"the student is worse with the teacher: validation {metric.name} {kept:.3f}, "
        f"and {plain:.3f} without it; lower distill.distillation_weight (0 is no "
        "teacher), or change distill.temperature"
    )
    print(f"warning: {text}")
    return [text]


def _gain(
    params: DistillParams, inputs: Inputs, fits: dict[str, Fitted], metric: Metric
) -> dict[str, Any]:
    numbers, column = range(1, params.replicates + 1), f"val_{metric.key}"
    distilled, plain = (
        [fits[f"{kind} {number}"]["best"][column] for number in numbers]
        for kind in (DISTILLED, PLAIN)
    )
    seeds = [replicate_seed(inputs.seed, number - 1) for number in numbers]
    return gain(seeds, distilled, plain, "teacher", metric)
