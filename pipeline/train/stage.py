"""train: fit the best hyperparameters fully; the result is baseline and teacher.

In: data, augment, tune. Out: model.keras, model.json, history.csv, curves.png,
gradients.csv; on request pretraining.csv, heads.keras, replicates.json,
cross_validation.json and pseudo_labels.json.
Run: python -m pipeline run train --exp digits
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from pipeline.core.json_io import write_json
from pipeline.data.artifact import read_data
from pipeline.engine.stage import Inputs
from pipeline.metrics.intervals import gain, mean_interval
from pipeline.metrics.metric import Metric
from pipeline.tasks.registry import for_chain
from pipeline.train import warm_start
from pipeline.train.artifact import Architecture, write_architecture
from pipeline.train.auxiliary_heads import headline
from pipeline.train.params import TrainParams
from pipeline.train.pretraining import without_labels
from pipeline.train.runs import RunResult, TrainingRuns
from pipeline.training.history import History, summary
from pipeline.training.replicates import check_first, replicate_seed, run_all
from pipeline.tune.artifact import read_best


def run(params: TrainParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Build, fit with early stopping, save; repeat with other seeds and folds.

    Args:
        params: of the stage.
        inputs: of the stage.
        out: an empty folder for the artifacts.

    Returns:
        Metrics, with a line for the terminal as `headline`.
    """
    data, best = read_data(inputs["data"]), read_best(inputs["tune"])
    measure, start = (
        for_chain(data.spec.task).metric,
        warm_start.start_record(params, inputs),
    )
    runs = TrainingRuns(params, inputs, data, best, out)
    needed, workers = check_first(runs.check), params.workers
    results = run_all(runs.tasks(), workers, inputs.progress, "train.workers", needed)
    first = results["seed 1"]
    architecture = Architecture(best.builder, best.values, first["weights"])
    history = _write(first, architecture, measure, out)
    inputs.volatile["speed"] = first["speed"]
    total = sum(phase.epochs for phase in params.effective_phases)
    metrics = summary(history, total, first["weights"], measure)
    metrics["headline"] += headline(params.heads, data.spec, history.best)
    metrics |= without_labels(params, first)
    for extra, text in (_extension(start, first, measure), _warnings(first)):
        metrics |= extra
        metrics["headline"] += text
    repeated = _repeated(params, inputs, results, measure, out)
    metrics["headline"] += _repeated_headline(repeated, measure)
    return {**metrics, **repeated}


def _write(
    first: RunResult, architecture: Architecture, measure: Metric, out: Path
) -> History:
    """Write the artifacts beside the model, and return the history."""
    history = History(first["rows"], first["best"])
    write_architecture(out, architecture)
    if first["pretraining"]:
        History(first["pretraining"], {}).write_csv(out / "pretraining.csv")
    history.write_csv(out / "history.csv")
    history.draw(out / "curves.png", "baseline", measure)
    return history


def _extension(
    start: dict[str, Any], first: RunResult, measure: Metric
) -> tuple[dict[str, Any], str]:
    """Return the gain of `data.extend` as metrics, and for the headline."""
    record = {**start, **first["gained"]} if start else {}
    metrics = {"extension": record} if record else {}
    return metrics, warm_start.headline(record, measure)


def _warnings(first: RunResult) -> tuple[dict[str, Any], str]:
    """Return warnings about gradients and the floor as metrics, and for the headline.

    Args:
        first: result of the published fit.
    """
    names = [name for name in ("warnings", "doubts") if first[name]]
    text = "".join(f"; {warning}" for name in names for warning in first[name])
    return {name: first[name] for name in names}, text


def _repeated(
    params: TrainParams,
    inputs: Inputs,
    results: dict[str, RunResult],
    measure: Metric,
    out: Path,
) -> dict[str, Any]:
    """Write the statistics of several fits, and return them as metrics."""
    metrics: dict[str, Any] = {}
    count = params.replicates
    seeds = [replicate_seed(inputs.seed, number) for number in range(count)]
    runs = [results[f"seed {number + 1}"] for number in range(count)]
    if count > 1:
        metrics["replicates"] = {"seeds": seeds, **_spread(runs, measure)}
    if params.folds:
        folds = [fold for name, fold in results.items() if name.startswith("fold")]
        metrics["cross_validation"] = {"folds": len(folds), **_spread(folds, measure)}
    if params.pseudo_labels:
        metrics["pseudo_labels"] = _pseudo_labels(seeds, runs, measure)
    for name, value in metrics.items():
        write_json(out / f"{name}.json", value)
        print(f"{name}: {value.get('verdict') or _describe(value)}")
    return metrics


def _spread(runs: list[RunResult], measure: Metric) -> dict[str, Any]:
    """Return mean, standard deviation and interval of the metric over several fits."""
    values = [run["best"][f"val_{measure.key}"] for run in runs]
    mean, interval = mean_interval(values, measure)
    spread = round(float(np.std(values, ddof=1)), 9)
    return {
        measure.key: values,
        "mean": mean,
        "spread": spread,
        "interval": interval,
    }


def _pseudo_labels(
    seeds: list[int], runs: list[RunResult], measure: Metric
) -> dict[str, Any]:
    """Return the gain of pseudo-labels, and how many of them were used per seed."""
    pseudo, plain = (
        [run[key][f"val_{measure.key}"] for run in runs] for key in ("best", "plain")
    )
    examples, labelled = (
        [run[key] for run in runs] for key in ("examples", "labelled")
    )
    return {
        **gain(seeds, pseudo, plain, "pseudo_labels", measure),
        "examples": examples,
        "labelled": labelled,
        "believed": [total - known for total, known in zip(examples, labelled)],
    }


def _repeated_headline(metrics: dict[str, Any], measure: Metric) -> str:
    """Return a phrase per statistic of several fits, for the end of the headline."""
    text = ""
    for name, unit in (("replicates", "seeds"), ("cross_validation", "folds")):
        if values := metrics.get(name):
            low, high = values["interval"]
            count, mean = len(values[measure.key]), values["mean"]
            text += f", mean of {count} {unit} {mean:.3f} ({low:.3f} to {high:.3f})"
    if values := metrics.get("pseudo_labels"):
        text += f", pseudo-label gain {measure.change(values['gain'], 1)}"
    return text


def _describe(value: dict[str, Any]) -> str:
    low, high = value["interval"]
    return (
        f"mean {value['mean']:.4f}, standard deviation {value['spread']:.4f}, "
        f"95 % interval {low:.4f} to {high:.4f}"
    )
