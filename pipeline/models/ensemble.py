"""Trained models that vote: their logits side by side, weighed by one dense layer.

Wolpert, Stacked Generalization, 1992. The weights begin as the plain mean, and
only they are trained. A strong teacher for `distill`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models import reuse
from pipeline.models.ends import entrance, require
from pipeline.models.mistakes import Mistake, told_as
from pipeline.models.registry import builder


@builder("ensemble")
def ensemble(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Anything that its members take, to logits.

    Hyperparameters: `members` are .keras files, a comma between them.
    """
    require("ensemble", spec, "classes", True, ["logits"])
    paths = [part.strip() for part in hp.Fixed("members", "none").split(",")]
    if len(paths) < 2:
        raise Mistake(
            "values.members: an ensemble needs two .keras files or more, a comma "
            f"between them; received {', '.join(paths)}"
        )
    x = entrance(spec)
    votes = [_vote(hp, spec, x, path, at) for at, path in enumerate(paths, 1)]
    joined = layers.Concatenate(name="votes")(votes)
    logits = layers.Dense(len(spec.classes), name="logits")
    model = keras.Model(x, logits(joined), name="ensemble")
    logits.set_weights(_mean(len(paths), len(spec.classes)))
    return model


def _vote(hp: HyperParameters, spec: TaskSpec, x: Any, path: str, number: int) -> Any:
    """The logits of one member, whose weights stay as they are."""
    with told_as("values.members: "):
        model = reuse.read(path, hp, f"member{number}_hash")
    with told_as(f"values.members: {path} "):
        takes, gives = reuse.ends(model)
    if takes != spec.shape or gives != (len(spec.classes),):
        raise Mistake(
            f"values.members: {path} makes {gives} of {takes}; "
            f"{spec.source} needs {(len(spec.classes),)} of {spec.shape}"
        )
    model.trainable = False
    return reuse.apply(model, x, f"member{number}_")


def _mean(members: int, classes: int) -> Sequence[np.ndarray]:
    kernel = np.tile(np.eye(classes, dtype=np.float32), (members, 1)) / members
    return kernel, np.zeros(classes, np.float32)
