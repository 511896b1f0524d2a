"""An ensemble of trained models: logits side by side, combined by a dense layer.

Wolpert, Stacked Generalization, 1992. The dense layer starts as the plain mean, and
only its weights are trained. A strong teacher for `distill`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
from keras import layers
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.models import pretrained_parts
from pipeline.models.errors import ModelError, error_prefix
from pipeline.models.input_output import input_layer, require_input
from pipeline.models.registry import builder


@builder("ensemble")
def ensemble(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
    """Ensemble of trained models, whose logits a dense layer combines.

    Args:
        hp: declares `members`, at least two .keras files separated by commas, and
            `member1_hash`, ... with their contents' hashes; nothing is searched.
        spec: the data that the members were trained on.

    Returns:
        Inputs `(batch, *spec.shape)` to logits `(batch, classes)`.

    Raises:
        ModelError: for fewer than two members, or one that is missing, changed, or
            has other shapes.
    """
    require_input("ensemble", spec, "classes", True, ["logits"])
    paths = [path.strip() for path in hp.Fixed("members", "none").split(",")]
    if len(paths) < 2:
        raise ModelError(
            "values.members: an ensemble needs two .keras files or more, separated "
            f"by commas; received {', '.join(paths)}"
        )
    x = input_layer(spec)
    votes = [_vote(hp, spec, x, path, n) for n, path in enumerate(paths, 1)]
    joined = layers.Concatenate(name="votes")(votes)
    logits = layers.Dense(len(spec.classes), name="logits")
    model = keras.Model(x, logits(joined), name="ensemble")
    logits.set_weights(_mean_weights(len(paths), len(spec.classes)))
    return model


def _vote(hp: HyperParameters, spec: TaskSpec, x: Any, path: str, number: int) -> Any:
    """Return the logits of one member, with its weights frozen."""
    with error_prefix("values.members: "):
        model = pretrained_parts.load_pinned(path, hp, f"member{number}_hash")
    with error_prefix(f"values.members: {path} "):
        shapes = pretrained_parts.input_output_shapes(model)
    if shapes != (spec.shape, (len(spec.classes),)):
        raise ModelError(
            f"values.members: {path} maps {shapes[0]} to {shapes[1]}; "
            f"{spec.source} needs {spec.shape} to {(len(spec.classes),)} logits"
        )
    model.trainable = False
    return pretrained_parts.inline(model, x, f"member{number}_")


def _mean_weights(members: int, classes: int) -> Sequence[np.ndarray]:
    kernel = np.tile(np.eye(classes, dtype=np.float32), (members, 1)) / members
    return kernel, np.zeros(classes, np.float32)
