"""Guesses about a model: its task, and the range of numbers that it was trained on.

In: layers of a configuration, and shapes. Out: phrases. They follow from the structure
alone; data are needed to be sure, and `compress-file` checks them on data.
"""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.compress.inspection.keras_config import ConfigLayer
from pipeline.compress.inspection.shapes import Shape

# Beginning of the name of a model of keras.applications -> what it was trained on, of
# those without a layer that scales their input.
APPLICATIONS = {
    "mobilenet": "-1 .. 1 (keras.applications, mode tf)",
    "xception": "-1 .. 1 (keras.applications, mode tf)",
    "inception": "-1 .. 1 (keras.applications, mode tf)",
    "nasnet": "-1 .. 1 (keras.applications, mode tf)",
    "densenet": "0 .. 1, standardized by ImageNet (keras.applications, mode torch)",
    "vgg": "BGR minus the means of ImageNet (keras.applications, mode caffe)",
    "resnet": "BGR minus the means of ImageNet (keras.applications, mode caffe)",
}
UNKNOWN = "unknown: compress-file tries 0 .. 1, 0 .. 255 and -1 .. 1 on data"


def task_of_model(
    layers: Sequence[ConfigLayer], last: ConfigLayer, source: Shape, output: Shape
) -> str:
    """Guess the task of a model.

    Args:
        layers: all of them.
        last: the layer whose output is the model's.
        source: shape of the input, without the batch axis.
        output: shape of the output, without the batch axis.
    """
    end = _end(last)
    if output == source and len(layers) > 2:
        return "anomaly detection: the output has the shape of the input"
    count = output[-1] if output else 1
    if len(output) == 3:
        return f"segmentation or restoration: a map of {count} channels"
    if len(output) == 2:
        return f"a prediction per step: {count} numbers"
    if end == "softmax":
        return f"classification, {count} classes (softmax)"
    if end == "sigmoid":
        single = "classification, 2 classes (one sigmoid)"
        return single if count == 1 else f"{count} labels per example (sigmoids)"
    if count == 1:
        return "regression, or 2 classes as one logit"
    return f"classification, {count} classes (logits), regression, or an embedding"


def _end(last: ConfigLayer) -> str:
    return "softmax" if last.kind == "Softmax" else last.activation


def scaling_of_model(name: str, layers: Sequence[ConfigLayer]) -> str:
    """Guess the numbers that a model was trained on.

    Args:
        name: of the model.
        layers: in the order of the file.
    """
    first = [layer for layer in layers if layer.kind != "InputLayer"][:3]
    for layer in first:
        if layer.kind == "Embedding":
            return f"token numbers below {layer.config['input_dim']}"
        if layer.kind == "Rescaling":
            return _before_rescaling(layer)
        if layer.kind == "Normalization":
            return "numbers as they are: its Normalization standardizes them"
    plain = name.lower().replace("_", "").replace("-", "")
    return next((s for n, s in APPLICATIONS.items() if plain.startswith(n)), UNKNOWN)


def _before_rescaling(layer: ConfigLayer) -> str:
    scale = layer.config.get("scale")
    if isinstance(scale, int | float) and 0 < scale < 0.02:
        return f"0 .. 255: its Rescaling multiplies by {scale:.6g}"
    return f"as before its Rescaling ({scale} * x + {layer.config.get('offset', 0)})"
