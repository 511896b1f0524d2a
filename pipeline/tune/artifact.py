"""Files of the tune stage: trials.csv, trials.json and best.json."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from pipeline.core.json_io import read_json, write_json
from pipeline.tune.pareto import Point

FAMILY = "builder"  # name of a hyperparameter, where several builders are searched
# Hyperparameters of the training that every search has: see `pipeline.tune.space`.
TRAINING = ("learning_rate", "batch_size", "schedule", "weight_decay", "optimizer")


@dataclass(frozen=True)
class TrialRow:
    """One trial as trials.json and trials.csv record it.

    Args:
        trial: number of the trial; trial 0 has the defaults.
        status: `ok`, `stopped`, `failed`, `infeasible` or `duplicate`.
        score: metric of the task on validation in the best epoch; None if not trained.
        spread: standard deviation over the seeds of a finalist, else None.
        mean: mean score over the seeds of a finalist, else None.
        loss: validation loss in the best epoch.
        parameters: number of parameters.
        macs: multiply-accumulate operations per example.
        bytes_int8: size of the int8 file, an estimate.
        activation_bytes: peak size of int8 activations, an estimate.
        epoch: the best epoch, from 1.
        epochs: number of epochs that were trained.
        seed: seed of the trial.
        values: hyperparameter -> value.
        reason: why it was not trained to the end, else None.
    """

    trial: int
    status: str
    score: float | None
    spread: float | None
    mean: float | None
    loss: float | None
    parameters: int | None
    macs: int | None
    bytes_int8: int | None
    activation_bytes: int | None
    epoch: int | None
    epochs: int
    seed: int
    values: dict[str, Any]
    reason: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Return the row of trials.json."""
        return asdict(self)

    @property
    def point(self) -> Point:
        """Score and size of a trained trial."""
        assert self.score is not None and self.bytes_int8 is not None
        return Point(self.trial, self.score, self.bytes_int8)


@dataclass(frozen=True)
class Best:
    """The best hyperparameters of a search.

    Args:
        builder: builder of the model.
        values: hyperparameter -> value, including those of the training.
        score: metric on validation; the mean of `scores` if there are any.
        weights: number of parameters.
        trial: number of the trial; trial 0 has the defaults.
        spread: standard deviation over the seeds; None for one training.
        scores: a score per seed of the winner's repeated trainings.
        defaults: score and spread of trial 0, if it was a finalist.
        tuned: names of the searched hyperparameters.
        front: Pareto front of score and size: a JSON row per trial.
    """

    builder: str
    values: dict[str, Any]
    score: float
    weights: int
    trial: int
    spread: float | None = None
    scores: list[float] = field(default_factory=list)
    defaults: dict[str, Any] | None = None
    tuned: list[str] = field(default_factory=list)
    front: list[dict[str, Any]] = field(default_factory=list)

    def training(self) -> dict[str, Any]:
        """Return the training's hyperparameters, searched or fixed.

        Epochs and patience are not among them: they are those of a trial.
        """
        return {name: self.values[name] for name in TRAINING if name in self.values}

    @property
    def strength(self) -> float:
        """The best strength of the augmentation; 1 if it was not searched."""
        return self.values.get("augmentation", 1.0)


def write_best(folder: Path, best: Best) -> None:
    """Write best.json."""
    write_json(folder / "best.json", asdict(best))


def read_best(folder: Path) -> Best:
    """Read best.json."""
    return Best(**read_json(folder / "best.json"))


def write_trials(folder: Path, rows: Sequence[Mapping[str, Any]]) -> None:
    """Write trials.csv: one line per trial, one column per hyperparameter.

    Args:
        folder: folder of the stage.
        rows: JSON rows of the trials.
    """
    flat = [_flat(row) for row in rows]
    fields = list(dict.fromkeys(key for row in flat for key in row))
    with (folder / "trials.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(flat)


def write_search(
    folder: Path, rows: Sequence[Mapping[str, Any]], space: Sequence[Mapping[str, Any]]
) -> None:
    """Write trials.json: the trials and the search space.

    Args:
        folder: folder of the stage.
        rows: JSON rows of the trials.
        space: a row per hyperparameter, from `describe_space`.
    """
    write_json(folder / "trials.json", {"trials": list(rows), "space": list(space)})


def _flat(row: Mapping[str, Any]) -> dict[str, Any]:
    """Spread `values` into columns; write None as an empty text."""
    columns = {k: v for k, v in row.items() if k not in ("values", "curve")}
    columns |= row.get("values", {})
    return {name: "" if value is None else value for name, value in columns.items()}
