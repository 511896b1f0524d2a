"""Initial weights: from a file, or from the model before `data.extend`.

In: the previous model, kept by `pipeline.experiment.earlier_results`, and the model
that continued from it. Out: the file to start from, and the metric of both models on
the same validation examples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.core.errors import UserError
from pipeline.core.hashing import SHORT, hash_file, hash_value
from pipeline.core.wording import quantity
from pipeline.data import extension
from pipeline.data.artifact import Data
from pipeline.data.spec import read_spec
from pipeline.engine.stage import Inputs
from pipeline.metrics.metric import Metric
from pipeline.models.files import load_model
from pipeline.models.referenced_files import find_file
from pipeline.tasks.metric import metric_of
from pipeline.train.params import SCRATCH, TrainParams
from pipeline.training.floor_check import predict

MAX_SHOWN = 120  # characters of a value in a message
HELD_OUT = ("validation", "test")
# Keys of spec.json that weights depend on, in the order of the error message.
MEANING = (
    "task", "classes", "shape", "dtype", "scale", "offset", "modality", "vocabulary",
    "inputs",
)  # fmt: skip


def previous_stage(inputs: Inputs, stage: str) -> Path | None:
    """Return the folder of a stage as it was before the extension, if it is an input.

    Args:
        inputs: of the train stage.
        stage: name of a stage, such as `data`.
    """
    items = inputs.extra_inputs.items()
    return next((path for name, path in items if name.endswith(f"/{stage}")), None)


def initial_weights(params: TrainParams, inputs: Inputs) -> Path | None:
    """Return the .keras file with the initial weights; None for random weights."""
    if params.init_from:
        return None if params.init_from == SCRATCH else find_file(params.init_from)
    return previous_weights(params, inputs)


def previous_weights(params: TrainParams, inputs: Inputs) -> Path | None:
    """Return the .keras file of the model before the extension, if it is continued."""
    folder = None if params.init_from else previous_stage(inputs, "train")
    return folder and folder / "model.keras"


def start_record(params: TrainParams, inputs: Inputs) -> dict[str, Any]:
    """Describe the initial weights of a training on extended data, for metrics.json.

    Args:
        params: of the train stage.
        inputs: of the train stage.

    Returns:
        `begun` and, if training continues, `held_out_seen`; empty without an extension.

    Raises:
        UserError: if examples that were trained on are held out now, or if the previous
            weights belong to another kind of data.
    """
    if not (inputs["data"] / extension.FILE).is_file():
        return {}
    if params.init_from or not (previous := previous_stage(inputs, "data")):
        return {"begun": params.init_from or SCRATCH}
    check_compatible(previous, inputs["data"])
    overlap = check_splits(previous, inputs["data"])
    name = f"{extension.FOLDER}/{previous.parent.name}"
    return {"begun": name, "held_out_seen": overlap}


def headline(record: dict[str, Any], measure: Metric) -> str:
    """Return the gain of the extension, for the end of a headline.

    Args:
        record: `start_record`, with `gain_over` if training continued.
        measure: metric of the task.
    """
    if "gain" in record:
        return f", extension gain {measure.change(record['gain'], 1)}"
    if not record:
        return ""
    scratch = record["begun"] == SCRATCH
    start = "from scratch" if scratch else f"from {record['begun']}"
    return f", started {start} on the extended data"


def check_compatible(previous: Path, current: Path) -> None:
    """Check that inputs and outputs of the weights still have the same meaning.

    Args:
        previous: folder of the data stage before the extension.
        current: folder of the data stage now.

    Raises:
        UserError: names what differs in spec.json.
    """
    before, now = (_meaning(folder) for folder in (previous, current))
    changes = [
        f"{key}: {str(before[key])[:MAX_SHOWN]}, now {str(now[key])[:MAX_SHOWN]}"
        for key in now
        if now[key] != before[key]
    ]
    if changes:
        raise UserError(
            "data.extend: the previous model was trained on another kind of data "
            f"({'; '.join(changes)}); restore the keys of data, or start from scratch "
            "(train.init_from: scratch)"
        )


def _meaning(folder: Path) -> dict[str, Any]:
    """Return what weights depend on. Statistics are those of the first source."""
    spec = read_spec(folder)
    return {
        **{name: getattr(spec, name) for name in MEANING},
        "target": spec.target.get("name", ""),
        "preprocess": [_describe_step(step, folder) for step in spec.preprocess],
    }


def _describe_step(step: dict[str, Any], folder: Path) -> str:
    """Return its name, and the hash of its words or of its columns."""
    words = f" {hash_file(folder / step['file'])[:SHORT]}" if "file" in step else ""
    columns = f" {hash_value(step['columns'])[:SHORT]}" if "columns" in step else ""
    return f"{step['step']}{words}{columns}"


def check_splits(previous: Path, current: Path) -> int:
    """Check that no example has moved from train to a held-out split.

    Args:
        previous: folder of the data stage before the extension.
        current: folder of the data stage now.

    Returns:
        How many new held-out examples equal one that the model was trained on.

    Raises:
        UserError: if examples have moved.
    """
    with np.load(previous / "splits.npz") as splits:
        before = {name: splits[name] for name in splits.files}
    with np.load(current / "splits.npz") as splits:
        hashes = np.concatenate([splits[f"{name}_hash"] for name in HELD_OUT])
        index = np.concatenate([splits[f"{name}_index"] for name in HELD_OUT])
    held_out = np.concatenate([before[f"{name}_hash"] for name in HELD_OUT])
    trained = np.isin(hashes, before["train_hash"])
    duplicate = np.isin(hashes, held_out)
    old = index <= max(before[f"{name}_index"].max() for name in ("train", *HELD_OUT))
    if moved := int((trained & old & ~duplicate).sum()):
        raise UserError(
            f"data.extend: {quantity(moved, 'example')} of the previous training split "
            "moved to validation or test; restore seed, source and data.split, or "
            "start from scratch (train.init_from: scratch)"
        )
    return int((trained & ~old).sum())


def gain_over(previous: Path, model: keras.Model, data: Data) -> dict[str, Any]:
    """Compare two models on the current validation examples.

    Args:
        previous: .keras file of the model before the extension.
        model: the trained model.
        data: published data.

    Returns:
        The metric `before` and `after`, and the `gain`.
    """
    split, measure = data.validation(), metric_of(data.spec)
    x = data.spec.to_input(split.x)
    values = [
        measure.of(predict(candidate, split.x, data.spec), x, split.y)
        for candidate in (load_model(previous), model)
    ]
    before, after = (round(float(value), 9) for value in values)
    gain = measure.metric.drop(before, after)
    return {"before": before, "after": after, "gain": round(gain, 9)}
