"""Values that the templates of page and card share.

In: ExperimentData and the content of summary.json. Out: name -> value.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pipeline.compress.grammar import GRAMMAR
from pipeline.compress.selection.budget import read_limits
from pipeline.compress.targets import registry as target
from pipeline.core.json_io import read_json
from pipeline.report.experiment_data import ExperimentData, Row
from pipeline.tasks.report import report_of

FIRST_COLUMNS = ("trial", "score", "status")  # of the table of trials
LONG_UNITS = {"points": "percentage points"}  # at the first mention
UNINFORMATIVE = {"status": "ok", "reason": ""}  # hidden if every trial has this value


def context(experiment: ExperimentData, summary: Mapping[str, Any]) -> dict[str, Any]:
    """Build the values for a template.

    Args:
        experiment: the published experiment.
        summary: content of summary.json.
    """
    return {
        "experiment": experiment,
        "score": experiment.score,
        "unit": LONG_UNITS.get(experiment.score.unit, experiment.score.unit),
        "task": report_of(experiment.spec.task),
        "summary": summary,
        "measure": experiment.size_metric,
        "size_key": experiment.size_key,
        "target": target.get(experiment.pareto.get("target", target.DEFAULT)),
        **{role: summary[role] for role in ("chosen", "baseline", "nearest")},
        "command": summary["command"],
        "recipe_steps": recipe_steps(experiment.rows),
        "chosen_steps": recipe_steps([summary["chosen"]] if summary["chosen"] else []),
        "corrupted_key": f"corrupted_{experiment.score.key}",
        "documents": _documents(experiment),
        **_budget(experiment),
        **_records(experiment),
    }


def recipe_steps(rows: list[Row]) -> dict[str, str]:
    """Return the meaning of every recipe step that variants use, without Markdown.

    Args:
        rows: rows of ExperimentData.
    """
    steps = (step for row in rows for step in row["recipe"].split("|"))
    names = dict.fromkeys(step.partition("(")[0].strip() for step in steps)
    summaries = {name: GRAMMAR[name].summary for name in names if name in GRAMMAR}
    return {name: text.replace("`", "") for name, text in summaries.items()}


def libraries(experiment: ExperimentData) -> dict[str, str]:
    """Return the version of every library that a stage imported, by its name."""
    versions: dict[str, str] = {}
    for record in experiment.records.values():
        versions |= record.parts["libraries"]
    return dict(sorted(versions.items(), key=lambda item: item[0].lower()))


def shared_examples(metrics: Mapping[str, Any]) -> dict[str, int]:
    """Return how many examples two splits share, such as `train and test` -> 0.

    Args:
        metrics: content of metrics.json of the data stage.
    """
    counts = metrics.get("duplicates", {})
    names = ("train_validation", "train_test", "validation_test")
    return {n.replace("_", " and "): counts[n] for n in names if n in counts}


def trial_table(trials: list[Row]) -> list[dict[str, str]]:
    """Return the trials as rows of text: result, hyperparameters, costs, reason.

    Lists (the curve) and columns without any value are left out; so is the status if
    every trial succeeded.

    Args:
        trials: rows of trials.json.
    """
    rows = [_flat(trial) for trial in trials]
    names = dict.fromkeys(FIRST_COLUMNS) | dict.fromkeys(
        key for row in rows for key in row
    )
    texts = [{name: _text(row.get(name)) for name in names} for row in rows]
    shown = [
        name
        for name in names
        if any(row[name] != UNINFORMATIVE.get(name, "") for row in texts)
    ]
    return [{name: row[name] for name in shown} for row in texts]


def checksums(experiment: ExperimentData) -> str:
    """Return lines for `sha256sum -c` in the experiment's folder."""
    return "\n".join(
        f"{digest}  {stage}/{name}"
        for stage, record in experiment.records.items()
        for name, digest in sorted(record.outputs.items())
    )


def _documents(experiment: ExperimentData) -> dict[str, Any]:
    """The JSON files that the task shows; None for one that was not published."""
    paths = {
        name: experiment.folders[stage] / file
        for name, (stage, file) in report_of(experiment.spec.task).documents.items()
    }
    return {n: read_json(path) if path.is_file() else None for n, path in paths.items()}


def _budget(experiment: ExperimentData) -> dict[str, str]:
    budget, score = experiment.pareto["budget"], experiment.score
    return {
        "budget": read_limits(budget, score, task=experiment.spec.task).describe(),
        "max_drop": score.amount(budget["max_drop"]),
    }


def _records(experiment: ExperimentData) -> dict[str, Any]:
    """What the records of the stages say about files, machine and settings."""
    records = experiment.records
    compress, data = records["compress"], records["data"]
    params = {name: record.parts["params"] for name, record in records.items()}
    return {
        "best_hash": compress.outputs.get("best.tflite"),
        "data_metrics": data.metrics,
        "host": compress.run,
        "settings": _pairs(compress.parts["settings"]),
        "libraries": _pairs(libraries(experiment)),
        "shared_examples": shared_examples(data.metrics),
        "trials": trial_table(experiment.trials),
        "checksums": checksums(experiment),
        "parameters": json.dumps(params, indent=2),
    }


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{key} {value}" for key, value in values.items())


def _flat(trial: Row) -> Row:
    plain = {k: v for k, v in trial.items() if not isinstance(v, list | dict)}
    reason = {"reason": plain.pop("reason", None)}
    return {**plain, **trial["values"], **reason}


def _text(value: Any) -> str:
    return "" if value is None else str(value)
