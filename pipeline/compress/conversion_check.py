"""Convert a model before the first stage: read it back, rebuild it, export it.

In: a builder and the shape of its input, or a model's file. Out: notes about exports
that the converter refuses. A model that later stages could not read back, or of which
no file can be written, is an error. The weights do not matter, so nothing is trained.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import keras
import numpy as np
from keras_tuner import HyperParameters
from pydantic import Field

from pipeline.compress.import_model.train.stage import load_any
from pipeline.compress.tflite.converter import ConverterError
from pipeline.compress.tflite.oracle import fallback_text, fallbacks
from pipeline.compress.tfmot.bridge import max_difference, to_tf_keras
from pipeline.compress.tfmot.crashes import crashing_layers
from pipeline.compress.tfmot.export import export
from pipeline.compress.tfmot.random_input import random_batch
from pipeline.core.errors import UserError
from pipeline.core.params import Params
from pipeline.data.spec import TaskSpec
from pipeline.engine.stage import Inputs
from pipeline.models import custom_builder
from pipeline.models.files import load_model, save_model
from pipeline.tasks.registry import DEFAULT

TOLERANCE = 1e-5  # of outputs, relative to the largest one
LAST_RESORT = "float"


class ConversionParams(Params):
    """A model to convert.

    Args:
        builder: `module:function`; None for a file.
        model: the file of a model; None for a builder.
        shape: of one example.
        modality: of the data.
        task: name of the task.
        classes: class names.
        vocabulary: number of tokens of texts; 0 for other data.
        exports: exports to try, beside `float`.
    """

    builder: str | None = None
    model: str | None = None
    shape: list[int] = Field(default_factory=list)
    modality: Literal["image", "audio", "text", "table"] = "image"
    task: str = DEFAULT
    classes: list[str] = Field(default_factory=list)
    vocabulary: int = 0
    exports: list[str] = Field(default_factory=list)


def run(params: ConversionParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Convert a model.

    Args:
        params: the model.
        inputs: its progress is the export that is tried.
        out: an empty folder.

    Returns:
        `notes`: sentences about exports that cannot be written.

    Raises:
        UserError: the model cannot be read back, or no file can be written.
    """
    try:
        model = _model(params)
    except UserError:
        raise
    except Exception as error:  # of the user's builder
        return {"notes": [f"building a model for a look failed: {error}"[:300]]}
    if params.builder:
        _check_read_back(model, out / "model.keras")
    notes = []
    for kind in (LAST_RESORT, *params.exports):
        inputs.progress(kind)
        notes += _tried(model, kind)
    return {"notes": notes}


def _model(params: ConversionParams) -> keras.Model:
    if params.model:
        return load_any(Path(params.model))
    spec = TaskSpec(
        "look",
        "look",
        tuple(params.shape),
        "int32" if params.modality == "text" else "float32",
        tuple(params.classes),
        modality=params.modality,
        task=params.task,
        vocabulary=params.vocabulary,
    )
    module, _, function = (params.builder or "").partition(":")
    model = custom_builder.imported(module, function)(HyperParameters(), spec)
    if isinstance(model, keras.Sequential):
        return custom_builder.functional(model, spec)
    return model


def _check_read_back(model: keras.Model, path: Path) -> None:
    """Check that a model computes the same after it was saved and read."""
    save_model(model, path)
    loaded = load_model(path)
    batch = random_batch(model, 1)
    outputs = [np.asarray(net(batch, training=False)) for net in (model, loaded)]
    if not max_difference(*outputs) <= TOLERANCE:
        raise UserError(
            f'model "{model.name}" computes something else after it was saved and read '
            f"back{_first_other(model, loaded, batch)}; give the classes of its layers "
            "a get_config with every argument of their constructors"
        )


def _first_other(model: keras.Model, loaded: keras.Model, batch: Any) -> str:
    for layer, copy in zip(model.layers, loaded.layers, strict=True):
        outputs = [
            np.asarray(keras.Model(net.inputs, part.output)(batch))
            for net, part in ((model, layer), (loaded, copy))
        ]
        if not max_difference(*outputs) <= TOLERANCE:
            return f', first in layer "{layer.name}" ({type(layer).__name__})'
    return ""


def _tried(model: keras.Model, kind: str) -> list[str]:
    """Write a file; return why there is none, for an export that has a fallback."""
    copy = to_tf_keras(model)
    if layers := crashing_layers(copy, kind):
        return [f"{_fallback(kind)} ({', '.join(layers)})"]
    try:
        export(copy, kind, np.asarray(random_batch(model, 2)))
    except ConverterError as error:
        if kind == LAST_RESORT:
            raise UserError(
                f"{error}; no .tflite file can be made of this model: compute its "
                "layers of functions that LiteRT has"
            ) from None
        return [_fallback(kind)]
    return []


def _fallback(kind: str) -> str:
    return fallback_text(kind, next(iter(fallbacks(kind)), LAST_RESORT))
