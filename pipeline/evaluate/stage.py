"""evaluate: every exported file on the test split, against the float baseline.

In: the folders of data, train and compress. Out: evaluation.json, robustness.json;
files of the task, such as calibration.json, flips.json, flips.png, confusion.png.
Nothing is decided here: files are chosen, temperatures fitted and thresholds set on
validation.
Run: python -m pipeline run evaluate --exp digits
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from pipeline.data.artifact import read_data
from pipeline.data.test_split import held_out_split
from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json, write_json
from pipeline.engine.workers.pool import Pool
from pipeline.engine.stage import Inputs
from pipeline.evaluate import robustness
from pipeline.evaluate.context import EvaluationContext
from pipeline.evaluate.params import EvaluateParams
from pipeline.tasks.metric import metric_of
from pipeline.tasks.registry import named

FROM_COMPRESS = ("id", "source", "recipe", "bytes_raw", "bytes_gzip")
MOST_FITTED = 5000  # validation examples behind a temperature
Row = dict[str, Any]


def run(params: EvaluateParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Run the files, compare them with the baseline, write what that says."""
    context = _context(inputs)
    pareto = read_json(inputs["compress"] / "pareto.json")
    points = [point for point in pareto["points"] if point["status"] == "ok"]
    study = _study(context, points, params, inputs)
    found = _run_all(context, study, points, inputs)
    robust = robustness.document(study, _of_kind(found, "study"))
    ends, said = _told(_of_kind(found, "file"), points)
    rows = _compare_all(context, said, pareto["baseline"], params, inputs)
    variants = [
        {key: point[key] for key in FROM_COMPRESS}
        | ends[point["id"]]
        | rows[point["id"]]
        | robustness.summaries(robust, point["id"], study)
        for point in points
    ]
    evaluation = _document(context, pareto, variants)
    write_json(out / "evaluation.json", evaluation)
    write_json(out / "robustness.json", robust)
    context.evaluator.write(out, context, said, pareto)
    return _metrics(evaluation, study.key)


def _document(context: EvaluationContext, pareto: Row, variants: list[Row]) -> Row:
    """The content of evaluation.json."""
    return {
        **named(context.data.spec.task),
        "baseline": pareto["baseline"],
        "chosen": pareto["chosen"],
        "examples": len(context.test),
        "classes": list(context.data.spec.classes),
        "variants": variants,
    }


def _context(inputs: Inputs) -> EvaluationContext:
    data, test = read_data(inputs["data"]), held_out_split(inputs["data"])
    metric_of(data.spec)  # refuses a task that has none
    if not len(test):
        raise UserError(
            f"{inputs['data']}: the test split is empty; raise data.split.test"
        )
    whole = data.validation()
    seed = derive_seed(inputs.seed, "temperature")
    at = robustness.choose(len(whole), MOST_FITTED, seed)
    return EvaluationContext(data, test, robustness.subset_of(whole, at), inputs.threads)


def _study(
    context: EvaluationContext, points: Sequence[Row], params: EvaluateParams, inputs: Inputs
) -> robustness.RobustnessStudy:
    seed = derive_seed(inputs.seed, "subset")
    at = robustness.choose(len(context.test), params.examples, seed)
    return robustness.RobustnessStudy(
        data=context.data,
        subset=robustness.subset_of(context.test, at),
        positions=at,
        files={point["id"]: inputs["compress"] / point["file"] for point in points},
        keras=inputs["train"] / "model.keras",
        params=params,
        seed=inputs.seed,
        threads=inputs.threads,
    )


def _run_all(
    context: EvaluationContext, study: robustness.RobustnessStudy, points: Sequence[Row], inputs: Inputs
) -> dict[tuple[str, str], Any]:
    """`("file", variant)` -> its answers, `("study", task)` -> its conditions."""
    tasks = [(("study", name), task, study) for name, task in robustness.tasks(study)]
    tasks += [
        (("file", point["id"]), context.evaluate, study.files[point["id"]], point)
        for point in points
    ]
    return _drain(tasks, study.params.workers, inputs, lambda key: key[1])


def _compare_all(
    context: EvaluationContext,
    said: Mapping[str, Any],
    baseline: str,
    params: EvaluateParams,
    inputs: Inputs,
) -> dict[str, Row]:
    seed = derive_seed(inputs.seed, "bootstrap")
    before, count, compare = said[baseline], params.resamples, context.evaluator.compare
    tasks = [(n, compare, before, after, count, seed) for n, after in said.items()]
    return _drain(tasks, params.workers, inputs, lambda name: f"intervals of {name}")


def _drain(
    tasks: list[tuple[Any, ...]],
    workers: int,
    inputs: Inputs,
    told: Callable[[Any], str],
) -> dict[Any, Any]:
    """Key -> value of every `(key, function, *arguments)`, in their order.

    Forked even where there is a GPU: this process does not import TensorFlow.
    """
    pool, found = Pool(workers), {}
    for key, function, *arguments in tasks:
        pool.submit(key, function, *arguments)
    for outcome in pool.drain():
        if outcome.error:
            raise UserError(outcome.error)
        found[outcome.key] = outcome.value
        words = f"{len(found)}/{len(tasks)}  {told(outcome.key)}"
        inputs.progress(words, done=len(found), total=len(tasks))
    return {key: found[key] for key, *_ in tasks}


def _of_kind(found: Mapping[tuple[str, str], Any], kind: str) -> dict[str, Any]:
    return {name: value for (of, name), value in found.items() if of == kind}


def _told(
    answers: Mapping[str, tuple[Row, Any]], points: Sequence[Row]
) -> tuple[dict[str, Row], dict[str, Any]]:
    """What files take and give, and what they said, in the order of the points."""
    order = [point["id"] for point in points]
    return {n: answers[n][0] for n in order}, {n: answers[n][1] for n in order}


def _metrics(evaluation: dict[str, Any], key: str) -> dict[str, Any]:
    rows = {row["id"]: row for row in evaluation["variants"]}
    baseline, chosen = rows[evaluation["baseline"]], rows.get(evaluation["chosen"])
    end = f"chosen {chosen[key]:.3f}" if chosen else "nothing chosen"
    return {
        "headline": f"{len(rows)} files on {evaluation['examples']:,} test examples, "
        f"baseline {baseline[key]:.3f}, {end}",
        "examples": evaluation["examples"],
        "files": len(rows),
        key: {name: row[key] for name, row in rows.items()},
    }
