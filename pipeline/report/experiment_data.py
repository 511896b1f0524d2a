"""Everything that the stages published, read once for page, card, plot and summary.

In: the folders of the stages. Out: ExperimentData, whose rows join what compress
measured on validation, what evaluate measured on test, and the latency of each file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.core.json_io import read_json
from pipeline.data.spec import TaskSpec, read_spec
from pipeline.metrics.metric import Metric
from pipeline.report.budget_check import BudgetCheck, validation_keys
from pipeline.report.optional_files import (
    Columns,
    OptionalFiles,
    read_histories,
    read_optional_files,
    read_trials,
)
from pipeline.tasks.registry import task_of
from pipeline.train.artifact import Architecture, read_architecture
from pipeline.tune.artifact import Best, read_best

Row = dict[str, Any]


@dataclass(frozen=True)
class StageRecord:
    """Files that every published stage has.

    Attributes:
        fingerprint: hash of everything the result depends on.
        parts: what the fingerprint is made of.
        outputs: published file -> SHA-256.
        metrics: content of metrics.json.
        run: content of run.json: machine, time, volatile measurements.
    """

    fingerprint: str
    parts: dict[str, Any]
    outputs: dict[str, str]
    metrics: dict[str, Any]
    run: dict[str, Any]


@dataclass(frozen=True)
class ExperimentData:
    """A published experiment.

    Attributes:
        name: name of the experiment, which is its folder's.
        title: heading of page, card and plot.
        folders: stage name -> its published folder.
        spec: the data set and its task.
        pareto, evaluation: the documents of compress and evaluate without their rows.
        rows: one per variant, the smallest file first, those without a file last.
        models: architecture of each source, `baseline` and `student`.
        best: the best trial of the search.
        trials: the trials of the search.
        records: stage name -> the files every stage has, in the order of the chain.
        optional: contents of the files that may be absent.
        histories: source -> column -> one number per epoch.
    """

    name: str
    title: str
    folders: Mapping[str, Path]
    spec: TaskSpec
    pareto: dict[str, Any]
    evaluation: dict[str, Any]
    rows: list[Row]
    models: dict[str, Architecture]
    best: Best
    trials: list[Row]
    records: dict[str, StageRecord]
    optional: OptionalFiles
    histories: dict[str, Columns]

    @property
    def score(self) -> Metric:
        """The metric of the task, and how it is written."""
        return task_of(self.spec).metric

    @property
    def size_metric(self) -> str:
        """The size that is compared: `flash`, `raw` or `gzip`."""
        metric: str = self.pareto["size_metric"]
        return metric

    @property
    def size_key(self) -> str:
        """Key of that size in a row."""
        return f"bytes_{self.size_metric}"

    @property
    def threads(self) -> str:
        """Threads of the interpreter during the latency measurement, as text."""
        run = self.records["compress"].run["volatile"]
        count = run["latency_conditions"]["threads"]
        return "1 thread" if count == 1 else f"{count} threads"

    def row(self, name: str | None) -> Row | None:
        """Return the row of a variant, or None if there is none of that id."""
        return next((row for row in self.rows if row["id"] == name), None)

    def required_row(self, name: str) -> Row:
        """Return the row of a variant that must exist, such as the baseline."""
        return next(row for row in self.rows if row["id"] == name)


def read_experiment(folders: Mapping[str, Path], title: str = "") -> ExperimentData:
    """Read what the stages before the report published.

    Args:
        folders: stage name -> its published folder.
        title: heading; the experiment's name if empty.

    Raises:
        UserError: if a required file is missing or unreadable.
    """
    name = folders["data"].parent.name
    records = {stage: _record(folder) for stage, folder in folders.items()}
    pareto = read_json(folders["compress"] / "pareto.json")
    evaluation = read_json(folders["evaluate"] / "evaluation.json")
    volatile = records["compress"].run["volatile"]
    spec = read_spec(folders["data"])
    points, evaluated = pareto.pop("points"), evaluation.pop("variants")
    score = task_of(spec).metric
    size_key = f"bytes_{pareto['size_metric']}"
    rows = join(points, evaluated, volatile, pareto["baseline"], score, size_key)
    return ExperimentData(
        name=name,
        title=title or name,
        folders=folders,
        spec=spec,
        rows=checked(rows, pareto["budget"], score, spec.task),
        pareto=pareto,
        evaluation=evaluation,
        models={
            "baseline": read_architecture(folders["train"]),
            "student": read_architecture(folders["distill"]),
        },
        best=read_best(folders["tune"]),
        trials=read_trials(folders["tune"]),
        records=records,
        optional=read_optional_files(folders),
        histories=read_histories(folders),
    )


def join(
    points: list[Row],
    evaluated: list[Row],
    volatile: Mapping[str, Mapping[str, Any]],
    baseline: str,
    score: Metric,
    size_key: str = "bytes_flash",
) -> list[Row]:
    """Join the measurements of each variant into one row.

    The metric and `drop` of a row are those of the test split. What compress measured
    under these names becomes `validation_accuracy` (or the key of another metric) and
    `validation_drop`. A variant that was not evaluated has None for the values on
    test, for `ratio` and for `latency_ms`.

    Args:
        points: rows of pareto.json.
        evaluated: rows of evaluation.json.
        volatile: `latency_ms` and `latency_words` of compress's run.json, if any.
        baseline: id of the float baseline.
        score: the metric of the task.
        size_key: key of the compared size; default flash bytes.

    Returns:
        Rows, the smallest file first. `ratio` is the baseline's size divided by
        the file's; `speed` is its speed relative to the baseline as text, None for the
        baseline.
    """
    by_name = {row["id"]: row for row in evaluated}
    baseline_bytes = next(row for row in points if row["id"] == baseline)[size_key]
    latency = volatile.get("latency_ms", {})
    speeds = {**volatile.get("latency_words", {}), baseline: None}
    rows = [
        {
            **_renamed(point, score),
            score.key: None,
            "drop": None,
            **by_name.get(point["id"], {}),
            "ratio": baseline_bytes / point[size_key] if point["file"] else None,
            "latency_ms": latency.get(point["id"], {}).get("median"),
            "speed": speeds.get(point["id"]),
        }
        for point in points
    ]
    return sorted(rows, key=lambda row: (not row["file"], row[size_key] or 0))


def checked(
    rows: list[Row], budget: Mapping[str, Any], score: Metric, task: str
) -> list[Row]:
    """Add `over_budget` to each row: what it exceeds on validation, empty if nothing.

    Args:
        rows: result of `join`.
        budget: `budget` of pareto.json.
        score: the metric of the task.
        task: name of the task, as in spec.json.
    """
    check = BudgetCheck(rows, budget, score, task)
    return [row | {"over_budget": check.excesses(row["id"])} for row in rows]


def _renamed(point: Row, score: Metric) -> Row:
    shared = validation_keys(score)
    kept = {key: value for key, value in point.items() if key not in shared}
    return kept | {own: point.get(key) for key, own in shared.items()}


def _record(folder: Path) -> StageRecord:
    record = read_json(folder / "stage.json")
    return StageRecord(
        fingerprint=record["fingerprint"],
        parts=record["parts"],
        outputs=record["outputs"],
        metrics=read_json(folder / "metrics.json"),
        run=read_json(folder / "run.json"),
    )
