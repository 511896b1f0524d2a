"""Input and output layers of a model, as the data set and the task require them.

Tokens are int32 `(length,)` and are embedded; every other input is float32. The
output layer of a classifier is "logits", that of a regression "prediction".
"""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

import keras
from keras import layers

from pipeline.data.spec import TaskSpec
from pipeline.models.building_blocks import BuildingBlocks
from pipeline.models.errors import ModelError
from pipeline.tasks.registry import task_of

NAMES = {
    "image": "image",
    "audio": "audio",
    "text": "tokens",
    "table": "row",
    "series": "window",
}
VECTORS = ("logits", "numbers", "vector", "forecast", "action_values")


def require_input(
    family: str,
    spec: TaskSpec,
    needs: str,
    fits: bool,
    outputs: Collection[str] = VECTORS,
) -> None:
    """Refuse data that a family cannot process.

    Args:
        family: name of the builder, for the message.
        spec: signature of the data.
        needs: the required input in words, such as `images of at least 8x8`.
        fits: True if the shape of the data meets `needs`.
        outputs: kinds of output that its models have, see `pipeline.tasks.task.Task`.

    Raises:
        ModelError: names what the family needs and what the data are.
    """
    if not fits or task_of(spec).output not in outputs:
        raise ModelError(
            f"builder {family}: needs {needs}, and outputs {' or '.join(outputs)}; "
            f"{spec.source} is {spec.task} of {spec.modality} {spec.shape}"
            + (f" with {spec.vocabulary} tokens" if spec.vocabulary else "")
            + "; choose another builder"
        )


def is_image(spec: TaskSpec, min_side: int = 4) -> bool:
    """Return True for `(height, width, channels)` with both sides >= `min_side`."""
    return len(spec.shape) == 3 and min(spec.shape[:2]) >= min_side


def is_tokens(spec: TaskSpec) -> bool:
    """Return True for `(length,)` of word or character numbers."""
    return len(spec.shape) == 1 and spec.vocabulary > 0


def is_sequence(spec: TaskSpec) -> bool:
    """Return True for data that `as_sequence` accepts."""
    single_channel = len(spec.shape) == 3 and spec.shape[-1] == 1
    return len(spec.shape) in (1, 2) or single_channel


def input_layer(spec: TaskSpec) -> keras.KerasTensor:
    """Create the model's input.

    Args:
        spec: signature of the data.

    Returns:
        `(batch, *spec.shape)`, int32 for tokens and float32 otherwise.
    """
    dtype = "int32" if spec.vocabulary else "float32"
    name = NAMES.get(spec.modality, "features")
    return keras.Input(spec.shape, dtype=dtype, name=name)


def enlarge(x: Any, spec: TaskSpec) -> Any:
    """Enlarge the input to the size of the output image, bilinearly.

    Args:
        x: the input layer's tensor, `(batch, height, width, channels)`.
        spec: signature of the data; outputs of the same size leave `x` unchanged.
    """
    output = task_of(spec).output_shape(spec)
    factors = tuple(large // small for large, small in zip(output[:2], spec.shape))
    if factors == (1, 1):
        return x
    return layers.UpSampling2D(factors, interpolation="bilinear", name="enlarged")(x)


def difference_options() -> dict[str, Any]:
    """Return arguments of a layer whose output is added to the input.

    With small weights a model begins near the enlarged input; with zeros no gradient
    would reach the layers before it.
    """
    initializer = keras.initializers.TruncatedNormal(stddev=0.01)
    return {"name": "difference", "kernel_initializer": initializer}


def as_sequence(x: Any, spec: TaskSpec, features: int) -> Any:
    """Convert the input to a sequence.

    Tokens are embedded. Audio frames `(frames, bins, 1)` lose their last axis, and
    the columns of a table become steps of one feature.

    Args:
        x: the input layer's tensor.
        spec: signature of the data, for which `is_sequence` holds.
        features: size of the embedding, used for tokens only.

    Returns:
        `(batch, steps, features)`.
    """
    if spec.vocabulary:
        return layers.Embedding(spec.vocabulary, features, name="embedding")(x)
    if len(spec.shape) == 2:
        return x
    shape = spec.shape[:2] if len(spec.shape) == 3 else (*spec.shape, 1)
    return layers.Reshape(shape, name="steps")(x)


def output_head(x: Any, spec: TaskSpec, blocks: BuildingBlocks) -> Any:
    """Add the output layer.

    Args:
        x: features, `(batch, features)`, or `(batch, steps, features)` where each
            step has an output.
        spec: signature of the data.
        blocks: supplies the regularizer. The initializer is Glorot's, because He's
            assumes that a ReLU follows; only "zeros" is kept. An embedding declares its
            length, `embedding_size`, which `width` does not scale.

    Returns:
        Logits `(batch, classes)`, the numbers that the task predicts, or a vector.
    """
    task = task_of(spec)
    shape = task.output_shape(spec)
    units = shape[-1] if task.per_step else math.prod(shape)
    if task.output == "vector":
        units = blocks.declare_size(units)
    options = blocks.kernel_options()
    if blocks.initializer != "zeros":
        options["kernel_initializer"] = "glorot_uniform"
    return layers.Dense(units, name=task.output_name, **options)(x)
