"""The files that a fit on several hosts starts from and ends with.

In: model, data, settings and seed of a fit. Out: a folder that the processes of all
hosts read: `job.json`, `spec.json`, `model.keras`, and the arrays of the splits, or the
paths of files that hold them. The first process writes checkpoint and result there.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.augment.policy import Policy
from pipeline.core.json_io import read_json, write_json
from pipeline.data.artifact import Split
from pipeline.data.spec import read_spec, write_spec
from pipeline.models.files import save_model
from pipeline.training.batches import is_whole_file
from pipeline.training.context import FitData
from pipeline.training.history import History
from pipeline.training.params import FitSettings

JOB, MODEL = "job.json", "model.keras"
RESULT, WEIGHTS = "result.json", "weights.npz"
PROGRESS, ERROR = "progress.json", "error.json"


@dataclass(frozen=True)
class FitJob:
    """One fit, as a process of it reads it.

    Args:
        folder: holds the files of this module.
        data: the splits and the augmentation.
        settings: settings of the fit.
        seed: seed of the fit.
    """

    folder: Path
    data: FitData
    settings: FitSettings
    seed: int

    @property
    def model(self) -> Path:
        """The .keras file with the initial weights."""
        return self.folder / MODEL


def write_job(
    folder: Path, model: keras.Model, data: FitData, settings: FitSettings, seed: int
) -> None:
    """Write what the processes of a fit start from.

    Args:
        folder: created if missing; a checkpoint in it is kept.
        model: with the initial weights.
        data: the splits and the augmentation.
        settings: settings of the fit.
        seed: seed of the fit.
    """
    folder.mkdir(parents=True, exist_ok=True)
    save_model(model, folder / MODEL)
    write_spec(folder, data.spec)
    policy = data.policy and {"pipe": str(data.policy), "seed": data.policy.seed}
    splits = {"train": data.train, "validation": data.validation}
    values = {
        "seed": seed,
        "settings": settings.model_dump(mode="json"),
        "policy": policy,
        "splits": {name: _write_split(folder, name, s) for name, s in splits.items()},
    }
    write_json(folder / JOB, values)


def read_job(folder: Path) -> FitJob:
    """Read what `write_job` wrote.

    Args:
        folder: of the job.
    """
    values, spec = read_json(folder / JOB), read_spec(folder)
    splits = {name: _read_split(split) for name, split in values["splits"].items()}
    policy = values["policy"] and Policy(
        values["policy"]["pipe"], values["policy"]["seed"]
    )
    data = FitData(spec, splits["train"], splits["validation"], policy)
    settings = FitSettings.model_validate(values["settings"])
    return FitJob(folder, data, settings, values["seed"])


def write_result(
    folder: Path, model: keras.Model, history: History, speed: Mapping[str, Any]
) -> None:
    """Write the result of a fit.

    Args:
        folder: of the job.
        model: with the best weights.
        history: all epochs, and the best one.
        speed: measurements of `pipeline.training.throughput`.
    """
    arrays: dict[str, Any] = {
        str(index): weight for index, weight in enumerate(model.get_weights())
    }
    np.savez(folder / WEIGHTS, **arrays)
    values = {"rows": history.rows, "best": history.best, "speed": dict(speed)}
    write_json(folder / RESULT, values)


def read_result(
    folder: Path,
) -> tuple[Sequence[np.ndarray], History, dict[str, Any]]:
    """Read what `write_result` wrote: weights, history and speed.

    Args:
        folder: of the job.
    """
    values = read_json(folder / RESULT)
    with np.load(folder / WEIGHTS, allow_pickle=False) as arrays:
        weights = [arrays[str(index)] for index in range(len(arrays.files))]
    return weights, History(values["rows"], values["best"]), values["speed"]


def _write_split(folder: Path, name: str, split: Split) -> dict[str, Any]:
    """Write the arrays of a split that are not a whole file already."""
    paths = {}
    for key, array in (("x", split.x), ("y", split.y)):
        if is_whole_file(array):
            paths[key] = str(Path(str(array.filename)).absolute())
        else:
            paths[key] = str((folder / f"{name}_{key}.npy").absolute())
            np.save(paths[key], array)
    return {**paths, "class_weights": split.class_weights, "mapped": _mapped(split)}


def _mapped(split: Split) -> bool:
    return is_whole_file(split.x)


def _read_split(values: Mapping[str, Any]) -> Split:
    mode: Any = "r" if values["mapped"] else None
    x = np.load(values["x"], mmap_mode=mode, allow_pickle=False)
    y = np.load(values["y"], allow_pickle=False)
    weights = values["class_weights"]
    return Split(x, y, None if weights is None else tuple(weights))
