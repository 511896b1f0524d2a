"""All that the stages published, read once: what page, card and picture are made of.

In: the folders of the stages. Out: Facts, whose rows join what compress measured on
validation, what evaluate measured on test, and the latency of each file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.data.spec import TaskSpec, read_spec
from pipeline.core.json_io import read_json
from pipeline.report.extras import read_documents, read_histories, read_trials
from pipeline.scores import SCORES, Score
from pipeline.train.artifact import Architecture, read_architecture
from pipeline.tune.artifact import Best, read_best

Row = dict[str, Any]


@dataclass(frozen=True)
class Record:
    """The common files of one published stage."""

    fingerprint: str
    parts: dict[str, Any]
    outputs: dict[str, str]
    metrics: dict[str, Any]
    run: dict[str, Any]


@dataclass(frozen=True)
class Facts:
    """An experiment as it was published.

    Attributes:
        experiment: its name, which is its folder's.
        title: heading of whatever is written about it.
        pareto, evaluation: the documents of compress and evaluate, all but the rows.
        rows: one per variant, the smallest file first, those without one last.
        models: architecture of each source, `baseline` and `student`.
        trials: rows of the search, as trials.json holds them.
        extras: what may be absent, see `pipeline.report.extras`.
        histories: source -> column -> a number for each epoch.
        records: stage name -> its common files, in the order of the chain.
    """

    experiment: str
    title: str
    folders: Mapping[str, Path]
    spec: TaskSpec
    pareto: dict[str, Any]
    evaluation: dict[str, Any]
    rows: list[Row]
    models: dict[str, Architecture]
    best: Best
    trials: list[Row]
    records: dict[str, Record]
    extras: dict[str, Any]
    histories: dict[str, dict[str, list]]

    @property
    def score(self) -> Score:
        """What decides, and how it is written."""
        return SCORES[self.spec.task]

    @property
    def threads(self) -> str:
        """With how many the runtime ran while latency was measured."""
        run = self.records["compress"].run["volatile"]
        count = run["latency_conditions"]["threads"]
        return "1 thread" if count == 1 else f"{count} threads"

    def row(self, name: str | None) -> Row | None:
        """The row of one variant; None where there is none of that name."""
        return next((row for row in self.rows if row["id"] == name), None)


def read_facts(folders: Mapping[str, Path], title: str = "") -> Facts:
    """Read what the stages before the report published.

    Args:
        folders: stage name -> its published folder.
        title: heading; the experiment's name if empty.
    """
    experiment = folders["data"].parent.name
    records = {name: _record(folder) for name, folder in folders.items()}
    pareto = read_json(folders["compress"] / "pareto.json")
    evaluation = read_json(folders["evaluate"] / "evaluation.json")
    measured = records["compress"].run["volatile"]
    spec = read_spec(folders["data"])
    points, evaluated = pareto.pop("points"), evaluation.pop("variants")
    return Facts(
        experiment=experiment,
        title=title or experiment,
        folders=folders,
        spec=spec,
        rows=join(points, evaluated, measured, pareto["baseline"], SCORES[spec.task]),
        pareto=pareto,
        evaluation=evaluation,
        models={
            "baseline": read_architecture(folders["train"]),
            "student": read_architecture(folders["distill"]),
        },
        best=read_best(folders["tune"]),
        trials=read_trials(folders["tune"]),
        records=records,
        extras=read_documents(folders),
        histories=read_histories(folders),
    )


def join(
    points: list[Row],
    evaluated: list[Row],
    measured: Mapping[str, Mapping[str, Any]],
    baseline: str,
    score: Score,
) -> list[Row]:
    """One row a variant: its score and `drop` are of the test split.

    What compress measured under these names becomes `validation_accuracy` (or
    another score's key) and `validation_drop`. A variant that was not evaluated has
    None for both pairs of the test split, and for `ratio` and `latency_ms`; `speed`
    tells in words what it gains over the baseline, of which it is None.

    Args:
        measured: `latency_ms` and `latency_words` of compress's run.json, if any.
    """
    by_name = {row["id"]: row for row in evaluated}
    whole = by_name[baseline]["bytes_gzip"]
    latency = measured.get("latency_ms", {})
    words = {**measured.get("latency_words", {}), baseline: None}
    rows = [
        {
            **_renamed(point, score),
            score.key: None,
            "drop": None,
            **by_name.get(point["id"], {}),
            "ratio": whole / point["bytes_gzip"] if point["file"] else None,
            "latency_ms": latency.get(point["id"], {}).get("median"),
            "speed": words.get(point["id"]),
        }
        for point in points
    ]
    return sorted(rows, key=lambda row: (not row["file"], row["bytes_gzip"] or 0))


def on_validation(score: Score) -> tuple[str, ...]:
    """What compress and evaluate measure under the same names."""
    return (score.key, "drop", "drop_interval")


def _renamed(point: Row, score: Score) -> Row:
    both = on_validation(score)
    kept = {key: value for key, value in point.items() if key not in both}
    return kept | {f"validation_{key}": point.get(key) for key in both}


def _record(folder: Path) -> Record:
    record = read_json(folder / "stage.json")
    return Record(
        fingerprint=record["fingerprint"],
        parts=record["parts"],
        outputs=record["outputs"],
        metrics=read_json(folder / "metrics.json"),
        run=read_json(folder / "run.json"),
    )
