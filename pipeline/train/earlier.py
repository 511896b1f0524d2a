"""Training that goes on: the model of before `data.extend`, and what more data adds.

In: that model, kept by `pipeline.extension`, and the model that went on from it.
Out: both measured on the same validation examples.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras
import numpy as np

from pipeline.data import extension
from pipeline.data.artifact import Data, Split
from pipeline.data.measure import Measure, measure_of
from pipeline.data.spec import TaskSpec, read_spec
from pipeline.core.errors import UserError
from pipeline.core.hashing import SHORT, hash_file
from pipeline.engine.stage import Inputs
from pipeline.models.files import load_model
from pipeline.models.referenced_files import find_file
from pipeline.train.params import SCRATCH, TrainParams

ASKED = 512  # examples at once
SHOWN = 120  # characters of a list of classes
HELD = ("validation", "test")
# Of spec.json, in the order in which an error names them.
WEIGHED = (
    "task", "classes", "shape", "dtype", "scale", "offset", "modality", "vocabulary",
    "inputs",
)  # fmt: skip


def kept_stage(inputs: Inputs, stage: str) -> Path | None:
    """A stage as it was before the extension that is trained on, if there is one."""
    found = inputs.beside.items()
    return next((path for name, path in found if name.endswith(f"/{stage}")), None)


def weights(params: TrainParams, inputs: Inputs) -> Path | None:
    """The file whose weights a training begins with, if it does not begin anew."""
    if params.init_from:
        return None if params.init_from == SCRATCH else find_file(params.init_from)
    return kept_weights(params, inputs)


def kept_weights(params: TrainParams, inputs: Inputs) -> Path | None:
    """The same, where they are those of before the extension: nothing else gains."""
    kept = None if params.init_from else kept_stage(inputs, "train")
    return kept and kept / "model.keras"


def begun(params: TrainParams, inputs: Inputs) -> dict[str, Any]:
    """Where the training of an extended data set begins; nothing of another one.

    Raises:
        UserError: when what is held out now was learnt from before, or when the
            earlier weights are of another kind of data.
    """
    if not (inputs["data"] / extension.FILE).is_file():
        return {}
    if params.init_from or not (kept := kept_stage(inputs, "data")):
        return {"begun": params.init_from or SCRATCH}
    check_alike(kept, inputs["data"])
    seen = check_unmoved(kept, inputs["data"])
    return {"begun": f"{extension.FOLDER}/{kept.parent.name}", "held_out_seen": seen}


def headline(told: dict[str, Any], measure: Measure) -> str:
    """What the extension gave, for the end of a line."""
    if "gain" in told:
        return f", {measure.change(told['gain'], 1)} by the extension"
    if not told:
        return ""
    how = "anew" if told["begun"] == SCRATCH else f"with {told['begun']}"
    return f", begun {how} on the extended data"


def check_alike(kept: Path, data: Path) -> None:
    """Refuse weights whose inputs or outputs mean something else now.

    Args:
        kept, data: the data stage as it was, and as it is.

    Raises:
        UserError: names what differs in spec.json, before and now.
    """
    before, now = (_meaning(folder) for folder in (kept, data))
    differs = [key for key in now if now[key] != before[key]]
    if differs:
        words = "; ".join(
            f"{key}: {str(before[key])[:SHOWN]}, now {str(now[key])[:SHOWN]}"
            for key in differs
        )
        raise UserError(
            f"data.extend: the earlier model's data were of another kind ({words}); "
            "leave the keys of data as they were, or begin anew (train.init_from: "
            "scratch)"
        )


def _meaning(folder: Path) -> dict[str, Any]:
    """What weights depend on; not the statistics, which the first source teaches."""
    spec = read_spec(folder)
    return {
        **{name: getattr(spec, name) for name in WEIGHED},
        "target": spec.target.get("name", ""),
        "preprocess": [_kind(step, folder) for step in spec.preprocess],
    }


def _kind(step: dict[str, Any], folder: Path) -> str:
    """Its name; of a vocabulary also its words, whose numbers the weights know."""
    words = f" {hash_file(folder / step['file'])[:SHORT]}" if "file" in step else ""
    return f"{step['step']}{words}"


def check_unmoved(kept: Path, data: Path) -> int:
    """Refuse weights that have learnt from what is held out now.

    Args:
        kept, data: the data stage as it was, and as it is.

    Returns:
        How many new held-out examples equal one that it was trained on.

    Raises:
        UserError: when examples have moved from train to another split.
    """
    with np.load(kept / "splits.npz") as splits:
        before = {name: splits[name] for name in splits.files}
    with np.load(data / "splits.npz") as splits:
        held = [splits[f"{name}_hash"] for name in HELD]
        at = np.concatenate([splits[f"{name}_index"] for name in HELD])
    learnt = np.isin(np.concatenate(held), before["train_hash"])
    known = np.concatenate([before[f"{name}_hash"] for name in HELD])
    twins = np.isin(np.concatenate(held), known)
    old = at <= max(before[f"{name}_index"].max() for name in ("train", *HELD))
    if moved := int((learnt & old & ~twins).sum()):
        raise UserError(
            f"data.extend: {moved} examples that the earlier model learnt from are in "
            "validation or test now; leave seed, source and data.split as they were, "
            "or begin anew (train.init_from: scratch)"
        )
    return int((learnt & ~old).sum())


def gain_over(earlier: Path, model: keras.Model, data: Data) -> dict[str, Any]:
    """The measure of both models on today's validation examples."""
    held, measure = data.validation(), measure_of(data.spec)
    told = [
        measure.of(outputs(one, held, data.spec), data.spec.to_input(held.x), held.y)
        for one in (load_model(earlier), model)
    ]
    before, after = (round(float(value), 9) for value in told)
    return {"before": before, "after": after, "gain": round(after - before, 9)}


def outputs(model: keras.Model, split: Split, spec: TaskSpec) -> np.ndarray:
    """What a model answers to stored examples, in inference mode."""
    begins = range(0, len(split), ASKED)
    asked = (spec.to_input(split.x[at : at + ASKED]) for at in begins)
    return np.concatenate([np.asarray(model(x, training=False)) for x in asked])
