"""The two ends of a model: what a data set gives, and what a task asks for.

Tokens are int32 `(length,)` and are embedded; anything else is float32. A
classifier ends in "logits", a regression in "prediction".
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import keras
from keras import layers

from pipeline.data.spec import TaskSpec
from pipeline.models.choices import Choices
from pipeline.models.mistakes import Mistake
from pipeline.tasks.registry import task_of

NAMES = {"image": "image", "audio": "audio", "text": "tokens", "table": "row"}
VECTORS = ("logits", "numbers")


def require(
    family: str,
    spec: TaskSpec,
    needs: str,
    fits: bool,
    outputs: Collection[str] = VECTORS,
) -> None:
    """Refuse data that a family cannot take.

    Args:
        needs: what it takes, in words.
        fits: whether the shape of the data is that.
        outputs: kinds of output that its models have, see `pipeline.tasks.task.Task`.

    Raises:
        Mistake: says what the family needs, and what the data are.
    """
    task = task_of(spec)
    if not fits or task.output not in outputs:
        raise Mistake(
            f"builder {family}: needs {needs}, and outputs {' or '.join(outputs)}; "
            f"{spec.source} is {spec.task} of {spec.modality} {spec.shape}"
            + (f" with {spec.vocabulary} tokens" if spec.vocabulary else "")
            + "; choose another builder"
        )


def is_image(spec: TaskSpec, least: int = 4) -> bool:
    """Whether examples are `(height, width, channels)` of some size."""
    return len(spec.shape) == 3 and min(spec.shape[:2]) >= least


def is_tokens(spec: TaskSpec) -> bool:
    """Whether examples are `(length,)` of numbers of words or letters."""
    return len(spec.shape) == 1 and spec.vocabulary > 0


def is_sequence(spec: TaskSpec) -> bool:
    """Whether examples can be read step by step."""
    flat = len(spec.shape) == 3 and spec.shape[-1] == 1
    return len(spec.shape) in (1, 2) or flat


def entrance(spec: TaskSpec) -> keras.KerasTensor:
    """The model's input."""
    kind = "int32" if spec.vocabulary else "float32"
    name = NAMES.get(spec.modality, "features")
    return keras.Input(spec.shape, dtype=kind, name=name)


def steps(x: Any, spec: TaskSpec, features: int) -> Any:
    """The input as `(batch, steps, features)`: tokens are embedded.

    Audio frames `(frames, bins, 1)` lose their last axis, the columns of a table
    become steps of one feature.
    """
    if spec.vocabulary:
        return layers.Embedding(spec.vocabulary, features, name="embedding")(x)
    if len(spec.shape) == 2:
        return x
    shape = spec.shape[:2] if len(spec.shape) == 3 else (*spec.shape, 1)
    return layers.Reshape(shape, name="steps")(x)


def answer(x: Any, spec: TaskSpec, choices: Choices) -> Any:
    """The last layer: a logit for each class, or the numbers that a task predicts."""
    task = task_of(spec)
    units = math.prod(task.output_shape(spec))
    weights = choices.weights()
    if choices.initializer != "zeros":  # He's variance is for what a ReLU follows
        weights["kernel_initializer"] = "glorot_uniform"
    return layers.Dense(units, name=task.output_name, **weights)(x)
