"""evaluate: every exported file on the test split, against the float baseline.

In: the folders of data, train and compress. Out: evaluation.json, with the floors that
a model must be better than; robustness.json; stream.json, where asked for;
files of the task, such as calibration.json, flips.json, flips.png, confusion.png.
Nothing is decided here: files are chosen, temperatures fitted and thresholds set on
validation.
Run: python -m pipeline run evaluate --exp digits
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.determinism import derive_seed
from pipeline.core.errors import UserError
from pipeline.core.json_io import read_json, write_json
from pipeline.core.wording import quantity
from pipeline.data.artifact import read_data
from pipeline.data.test_split import held_out_split
from pipeline.engine.stage import Inputs
from pipeline.engine.workers.pool import Pool
from pipeline.evaluate import floors, robustness, sound_stream
from pipeline.evaluate.context import EvaluatedFile, EvaluationContext
from pipeline.evaluate.evaluation import Evaluation, EvaluationTable
from pipeline.evaluate.params import EvaluateParams
from pipeline.evaluate.robustness import Robustness, RobustnessStudy
from pipeline.tasks.metric import metric_of

MAX_FITTING = 5000  # validation examples that a temperature is fitted on
FILE, STUDY = "file", "study"
CLUSTERS = "clusters.json"
Row = dict[str, Any]


def run(params: EvaluateParams, inputs: Inputs, out: Path) -> Row:
    """Evaluate every file and compare it with the baseline.

    Args:
        params: parameters of the stage.
        inputs: folders of data, train and compress, seed and threads.
        out: folder for the results.

    Returns:
        The content of metrics.json.

    Raises:
        UserError: for an empty test split, or a file that does not fit the data.
    """
    context = _context(inputs)
    _check_clusters(context, params)
    pareto = read_json(inputs["compress"] / "pareto.json")
    points = [point for point in pareto["points"] if point["status"] == "ok"]
    study = _study(context, points, params, inputs)
    files, conditions = _run_all(context, study, points, inputs)
    robust = robustness.collect(study, conditions)
    predictions = {name: file.predictions for name, file in files.items()}
    comparisons = _compare_all(context, predictions, pareto["baseline"], params, inputs)
    rows = tuple(
        _evaluation(point, files[point["id"]], comparisons[point["id"]], robust)
        for point in points
    )
    evidence = {name: file.evidence for name, file in files.items()}
    floor_rows, doubts = _floors(context, pareto, evidence, params, inputs)
    table = _table(context, pareto, rows, floor_rows)
    write_json(out / "evaluation.json", table.to_json())
    write_json(out / "robustness.json", robust.to_json())
    context.evaluator.write(out, context, predictions, pareto)
    if params.clusters.count:
        _write_clusters(context, params, inputs, out)
    if params.stream.hours:
        sound_stream.evaluate(
            context.data, context.test, pareto, params.stream, inputs, out
        )
    return {**_metrics(table, study.key), **({"doubts": doubts} if doubts else {})}


def _check_clusters(context: EvaluationContext, params: EvaluateParams) -> None:
    count = params.clusters.count
    examples = min(len(context.test), params.clusters.examples)
    if count > examples:
        raise UserError(
            f"evaluate.clusters.count {count}: there are {examples} examples; use fewer"
        )


def _write_clusters(
    context: EvaluationContext, params: EvaluateParams, inputs: Inputs, out: Path
) -> None:
    """Write clusters.json, computed in a process that may import TensorFlow."""
    seed = derive_seed(inputs.seed, "clusters")
    model = inputs["train"] / "model.keras"
    task = (CLUSTERS, _clusters, context, model, params, seed)
    found = _drain([task], 1, inputs, lambda name: "clusters of the features")
    write_json(out / CLUSTERS, found[CLUSTERS])


def _clusters(
    context: EvaluationContext, model: Path, params: EvaluateParams, seed: int
) -> Row:
    from pipeline.evaluate import clusters

    return clusters.evaluate(
        context.data, context.test, model, params.clusters, params.resamples, seed
    )


def _floors(
    context: EvaluationContext,
    pareto: Row,
    evidence: Mapping[str, np.ndarray],
    params: EvaluateParams,
    inputs: Inputs,
) -> tuple[tuple[Row, ...], list[str]]:
    """The floors of the data, and warnings about the files that are not above them."""
    data, test, baseline = context.data, context.test, pareto["baseline"]
    metric, seed = metric_of(data.spec), derive_seed(inputs.seed, "floors")
    found = floors.floors_of(data, test, seed, params.reference)
    rows = floors.rows_of(found, evidence[baseline], test.y, metric, seed)
    names = {baseline: "the float baseline"}
    if pareto["chosen"]:
        names.setdefault(pareto["chosen"], "the chosen file")
    doubts = floors.doubts_of(rows, data, test, evidence, names, seed)
    for doubt in doubts:
        print(f"warning: {doubt}")
    return tuple(rows), doubts


def _evaluation(
    point: Row, file: EvaluatedFile, comparison: Row, robust: Robustness
) -> Evaluation:
    return Evaluation(
        id=point["id"],
        source=point["source"],
        recipe=point["recipe"],
        bytes_raw=point["bytes_raw"],
        bytes_gzip=point["bytes_gzip"],
        input=file.input,
        output=file.output,
        comparison=comparison,
        robustness=robust.summary(point["id"]),
    )


def _table(
    context: EvaluationContext,
    pareto: Row,
    rows: tuple[Evaluation, ...],
    floor_rows: tuple[Row, ...],
) -> EvaluationTable:
    return EvaluationTable(
        task=context.data.spec.task,
        baseline=pareto["baseline"],
        chosen=pareto["chosen"],
        examples=len(context.test),
        classes=context.data.spec.classes,
        variants=rows,
        floors=floor_rows,
    )


def _context(inputs: Inputs) -> EvaluationContext:
    data, test = read_data(inputs["data"]), held_out_split(inputs["data"])
    metric_of(data.spec)  # refuses a task without a metric
    if not len(test):
        raise UserError(
            f"{inputs['data']}: the test split is empty; raise data.split.test"
        )
    validation = data.validation()
    seed = derive_seed(inputs.seed, "temperature")
    positions = robustness.choose(len(validation), MAX_FITTING, seed)
    fitting = robustness.subset_of(validation, positions)
    return EvaluationContext(data, test, fitting, inputs.threads)


def _study(
    context: EvaluationContext,
    points: Sequence[Row],
    params: EvaluateParams,
    inputs: Inputs,
) -> RobustnessStudy:
    seed = derive_seed(inputs.seed, "subset")
    positions = robustness.choose(len(context.test), params.examples, seed)
    return RobustnessStudy(
        data=context.data,
        subset=robustness.subset_of(context.test, positions),
        positions=positions,
        files={point["id"]: inputs["compress"] / point["file"] for point in points},
        keras=inputs["train"] / "model.keras",
        params=params,
        seed=inputs.seed,
        threads=inputs.threads,
    )


def _run_all(
    context: EvaluationContext,
    study: RobustnessStudy,
    points: Sequence[Row],
    inputs: Inputs,
) -> tuple[dict[str, EvaluatedFile], dict[str, list[robustness.Condition]]]:
    """Run the files on the test split and the tasks of the study, in one pool.

    Returns:
        Variant -> its file, in the order of the points; task -> its conditions.
    """
    tasks: list[tuple[Any, ...]] = [
        ((STUDY, name), task, study) for name, task in robustness.tasks(study)
    ]
    tasks += [
        ((FILE, point["id"]), context.evaluate, study.files[point["id"]], point)
        for point in points
    ]
    results = _drain(tasks, study.params.workers, inputs, lambda key: key[1])
    return _of_kind(results, FILE), _of_kind(results, STUDY)


def _compare_all(
    context: EvaluationContext,
    predictions: Mapping[str, Any],
    baseline: str,
    params: EvaluateParams,
    inputs: Inputs,
) -> dict[str, Row]:
    """Compare the predictions of every variant with those of the baseline."""
    seed, compare = derive_seed(inputs.seed, "bootstrap"), context.evaluator.compare
    before = predictions[baseline]
    tasks = [
        (name, compare, before, after, params.resamples, seed)
        for name, after in predictions.items()
    ]
    return _drain(tasks, params.workers, inputs, lambda name: f"intervals of {name}")


def _drain(
    tasks: Sequence[tuple[Any, ...]],
    workers: int,
    inputs: Inputs,
    label: Callable[[Any], str],
) -> dict[Any, Any]:
    """Run every `(key, function, *arguments)` in a pool and report the progress.

    Processes are forked even where there is a GPU: this process does not import
    TensorFlow.

    Returns:
        Key -> value, in the order of the tasks.
    """
    pool, values = Pool(workers), {}
    for key, function, *arguments in tasks:
        pool.submit(key, function, *arguments)
    for outcome in pool.drain():
        if outcome.error:
            raise UserError(outcome.error)
        values[outcome.key] = outcome.value
        line = f"{len(values)}/{len(tasks)}  {label(outcome.key)}"
        inputs.progress(line, done=len(values), total=len(tasks))
    return {key: values[key] for key, *_ in tasks}


def _of_kind(results: Mapping[tuple[str, str], Any], kind: str) -> dict[str, Any]:
    return {name: value for (of, name), value in results.items() if of == kind}


def _metrics(table: EvaluationTable, key: str) -> Row:
    values = table.values(key)
    chosen = values.get(table.chosen) if table.chosen else None
    end = "nothing chosen" if chosen is None else f"chosen {chosen:.3f}"
    return {
        "headline": f"{quantity(len(values), 'file')} on "
        f"{quantity(table.examples, 'test example')}, "
        f"baseline {values[table.baseline]:.3f}, {end}",
        "examples": table.examples,
        "files": len(values),
        key: values,
    }
