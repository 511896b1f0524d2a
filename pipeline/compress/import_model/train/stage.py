"""train, for a model that was trained elsewhere: check it and copy it.

In: data, and a .keras file. Out: model.keras, whose outputs are logits: a final softmax
of a classifier is removed, which does not change the predicted class.
Run: python -m pipeline compress-file model.keras --data SOURCE
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from pipeline.compress.import_model.archive import check_single_input_and_output
from pipeline.compress.import_model.params import ImportParams
from pipeline.compress.rewrite.rebuild import (
    clone_with,
    functional_graph,
    identity,
    rebuild_with_weights,
)
from pipeline.core.errors import UserError
from pipeline.data.artifact import read_data
from pipeline.data.spec import TaskSpec
from pipeline.engine.stage import Inputs
from pipeline.models.files import load_model, save_model
from pipeline.tasks.registry import task_of
from pipeline.training.history import format_parameters


def run(params: ImportParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Check that the model fits the data, and publish it.

    Args:
        params: path of the model.
        inputs: the folder `data`.
        out: folder that model.keras is written to.

    Returns:
        Metrics of the stage: `headline` and the number of `weights`.

    Raises:
        UserError: if the model does not fit the data.
    """
    spec = read_data(inputs["data"]).spec
    model = load_model(Path(params.model))
    check_fits(model, spec, params.model)
    classify = task_of(spec).predicts_classes
    save_model(without_softmax(model) if classify else model, out / "model.keras")
    weights = model.count_params()
    name = Path(params.model).name
    return {"headline": f"{name}, {format_parameters(weights)}", "weights": weights}


def check_fits(model: keras.Model, spec: TaskSpec, path: str) -> None:
    """Check that a model has one input and one output of the task's shapes.

    Args:
        model: the imported model.
        spec: signature of the data.
        path: file of the model, for the error.

    Raises:
        UserError: naming the shapes of the model and those of the data.
    """
    graph = functional_graph(model)
    check_single_input_and_output(len(graph.inputs), len(graph.outputs), path)
    shapes = tuple(tuple(end[0].shape[1:]) for end in (graph.inputs, graph.outputs))
    task = task_of(spec)
    required = (tuple(spec.shape), task.output_shape(spec))
    if shapes != required:
        outputs = " logits" if task.predicts_classes else ""
        raise UserError(
            f"{path} maps {shapes[0]} to {shapes[1]}; {spec.source} needs "
            f"{required[0]} to {required[1]}{outputs}; choose the data that the model "
            "was trained on, with all of its classes and preprocessing, or train the "
            "model on this data"
        )


def without_softmax(model: keras.Model) -> keras.Model:
    """Remove a softmax at the end of a model, so that its outputs are logits.

    Args:
        model: functional or Sequential, with one output; it is not changed.

    Returns:
        The same model if it does not end with a softmax.
    """
    last = functional_graph(model).outputs[0]._keras_history.operation
    is_layer = type(last).__name__ == "Softmax"
    activation = getattr(last, "activation", None)
    if not is_layer and activation is not keras.activations.softmax:
        return model

    def replacement(layer: Any) -> Any:
        if layer is not last:
            return None
        return identity if is_layer else clone_with(layer, activation="linear")

    return rebuild_with_weights(model, replacement)
