"""train, for a model that was trained elsewhere: check it and copy it.

In: data, and a .keras file. Out: model.keras, whose outputs are logits: a softmax at
the end is left out of a classifier, which changes no class.
Run: python -m pipeline compress-file model.keras --data SOURCE
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import keras

from pipeline.compress.import_model.archive import check_one_of_each
from pipeline.compress.import_model.params import GivenParams
from pipeline.compress.rewrite.rebuild import (
    copy_of,
    functional_graph,
    give_weights,
    regraph,
)
from pipeline.data.artifact import read_data
from pipeline.data.spec import TaskSpec
from pipeline.core.errors import UserError
from pipeline.engine.stage import Inputs
from pipeline.training.history import format_parameters
from pipeline.models.files import load_model, save_model
from pipeline.tasks.registry import task_of


def run(params: GivenParams, inputs: Inputs, out: Path) -> dict[str, Any]:
    """Check that the model fits the data, and publish it."""
    spec = read_data(inputs["data"]).spec
    model = load_model(Path(params.model))
    check_fits(model, spec, params.model)
    classify = task_of(spec).predicts_classes
    save_model(with_logits(model) if classify else model, out / "model.keras")
    weights = model.count_params()
    name = Path(params.model).name
    return {"headline": f"{name}, {format_parameters(weights)}", "weights": weights}


def check_fits(model: keras.Model, spec: TaskSpec, path: str) -> None:
    """One input of the data's shape, one output of what the task asks for.

    Raises:
        UserError: says what the model takes and what the data are.
    """
    graph = functional_graph(model)
    check_one_of_each(len(graph.inputs), len(graph.outputs), path)
    takes, gives = graph.inputs[0].shape[1:], graph.outputs[0].shape[1:]
    if tuple(takes) != tuple(spec.shape):
        raise UserError(
            f"{path}: takes examples of shape {tuple(takes)}, but data "
            f'"{spec.name}" has {spec.shape}; prepare the data as the model takes them'
        )
    needed = task_of(spec).output_shape(spec)
    if tuple(gives) != needed:
        raise UserError(
            f"{path}: answers with {tuple(gives)} numbers an example, but data "
            f'"{spec.name}" {task_of(spec).expects(spec)}; name the data that the model '
            f"was trained on, with all of its classes, or end the model in {needed} "
            "numbers and train it anew"
        )


def with_logits(model: keras.Model) -> keras.Model:
    """The model without a softmax at its end."""
    graph = functional_graph(model)
    last = graph.outputs[0]._keras_history.operation
    alone = type(last).__name__ == "Softmax"
    if not alone and getattr(last, "activation", None) is not keras.activations.softmax:
        return model
    pairs: list[tuple[Any, Any]] = []

    def make(layer: Any) -> Any:
        if layer is last and alone:
            return lambda x, **_: x
        config = {**layer.get_config(), "activation": "linear"} if layer is last else {}
        copy = type(layer).from_config(config) if config else copy_of(layer)
        pairs.append((layer, copy))
        return copy

    made = regraph(model, make)
    for layer, copy in pairs:
        if copy is not layer:
            give_weights(copy, layer.get_weights())
    return made
