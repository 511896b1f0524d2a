"""The output layer of detectors: scores and distances in each cell of a grid."""

from __future__ import annotations

from typing import Any

from keras import initializers, layers

from pipeline.data.spec import TaskSpec
from pipeline.models.input_output import is_image
from pipeline.tasks.registry import task_of

NEEDS = "images of even height and width, at least 8x8"
PRIOR = -3.0  # logit of an object in a cell before training
DISTANCE = 1.0  # in cells, before training


def fits(spec: TaskSpec) -> bool:
    """Return True for images that a detector takes; see `NEEDS`."""
    return is_image(spec, 8) and not any(side % 2 for side in spec.shape[:2])


def cells(x: Any, spec: TaskSpec) -> Any:
    """Add the output layer: a 1x1 convolution.

    The initial biases are those of rare objects of two cells (Lin et al., Focal Loss
    for Dense Object Detection, 2017, section 4.1).

    Args:
        x: features, `(batch, rows, columns, channels)`.
        spec: signature of the data.

    Returns:
        `(batch, rows, columns, classes + 4)`, see `pipeline.tasks.detection.decoding`.
    """
    channels = task_of(spec).output_shape(spec)[-1]
    classes = len(spec.classes)
    biases = [PRIOR] * classes + [DISTANCE] * (channels - classes)
    return layers.Conv2D(
        channels, 1, bias_initializer=initializers.Constant(biases), name="prediction"
    )(x)
