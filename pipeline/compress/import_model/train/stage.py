"""train, for a model that was trained elsewhere: check it and copy it.

In: data, and a .keras, .h5 or .onnx file. Out: model.keras, whose outputs are logits: a
final softmax of a classifier is removed, which does not change the predicted class. A
model that the data seem to mean something else to is refused, see `misreading`.
Run: python -m pipeline compress-file model.keras --data SOURCE
"""

from __future__ import annotations

import math
import tempfile
from pathlib import Path
from typing import Any

import keras

from pipeline.compress.import_model.archive import (
    check_archive,
    check_single_input_and_output,
    is_keras_2,
)
from pipeline.compress.import_model.inputs import with_input_of
from pipeline.compress.import_model.logits import (
    as_logits,
    refuse_softmax,
    with_flat_output,
)
from pipeline.compress.import_model.misreading import find_doubts
from pipeline.compress.import_model.onnx.supported import is_onnx
from pipeline.compress.import_model.params import ImportParams
from pipeline.compress.import_model.precision import narrow_policy, note, widen
from pipeline.compress.import_model.reference import write_reference
from pipeline.compress.import_model.unseen import cautions
from pipeline.compress.rewrite.rebuild import functional_graph
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
    data = read_data(inputs["data"])
    spec, path = data.spec, Path(params.model)
    check_archive(path)  # no code of a file runs
    model = load_any(path)
    check_fits(model, spec, params.model)
    model = with_input_of(model, spec, params.model)
    if task_of(spec).predicts_classes:
        model = as_logits(model, spec, params.model)
    elif task_of(spec).output == "forecast":
        model = with_flat_output(model)
    elif task_of(spec).output == "vector":
        refuse_softmax(model, params.model)
    labelled = task_of(spec).labels != "none"
    doubts = find_doubts(model, data, path.name, inputs.seed) if labelled else []
    _stop_or_warn(doubts, params)
    save_model(model, out / "model.keras")
    if not labelled:
        write_reference(model, data, out)
    weights = model.count_params()
    headline = "; ".join([f"{path.name}, {format_parameters(weights)}", *doubts])
    texts = {"doubts": doubts, "cautions": [*note(path), *cautions(data)]}
    kept = {key: sentences for key, sentences in texts.items() if sentences}
    return {"headline": headline, "weights": weights, **kept}


def _stop_or_warn(doubts: list[str], params: ImportParams) -> None:
    """Stop at a doubt, or print it with `--anyway`."""
    if doubts and not params.anyway:
        raise UserError(
            f"{'; '.join(doubts)} (settings: --set KEY=VALUE); or compress it "
            "regardless: --anyway"
        )
    for doubt in doubts:
        print(f"warning: {doubt}")


def load_any(path: Path) -> keras.Model:
    """Load a model of Keras 3; one of Keras 2 or of ONNX is rebuilt.

    Args:
        path: a file that `check_archive` accepts.

    Raises:
        UserError: naming the layer that cannot be loaded.
    """
    if is_onnx(path):
        from pipeline.compress.import_model.onnx.build import load_onnx

        return load_onnx(path)
    if not is_keras_2(path):
        return _load_wide(path) if narrow_policy(path) else load_model(path)
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception:  # Keras 3 refuses settings of older versions
        from pipeline.compress.tfmot.from_tf_keras import load_keras_2

        return load_keras_2(path)


def _load_wide(path: Path) -> keras.Model:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        widen(path, copy)
        return load_model(copy)


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
    if task.output == "any":
        _check_input(shapes[0], spec, path)
        return
    expected, required = tuple(spec.shape), task.output_shape(spec)
    single = task.predicts_classes and len(spec.classes) == 2
    if task.output == "forecast" and None not in shapes[1]:
        shapes = (shapes[0], (math.prod(shapes[1]),))  # in the order of the numbers
    fits = task.accepts(shapes[1], spec) or (
        single and shapes[1] == (*required[:-1], 1)
    )
    if shapes[0] != expected or not fits:
        outputs = " logits" if task.predicts_classes else ""
        raise UserError(
            f"{path} maps {shapes[0]} to {shapes[1]}; {spec.source} needs "
            f"{expected} to {task.needs(spec)}{outputs}; choose the data that the "
            "model was trained on, with all of its classes and preprocessing, or train "
            f"the model on this data{_advice(shapes, spec)}"
        )


def _check_input(shape: tuple[int | None, ...], spec: TaskSpec, path: str) -> None:
    if shape != tuple(spec.shape):
        raise UserError(
            f"{path} takes inputs of the shape {shape}, and the examples of "
            f"{spec.source} have the shape {tuple(spec.shape)}; choose the examples "
            "that the model was made for, with the same preprocessing"
        )


def _advice(shapes: tuple[tuple[int | None, ...], ...], spec: TaskSpec) -> str:
    """What to do with a model that reconstructs, or that has more classes."""
    if shapes[0] == shapes[1] == tuple(spec.shape):
        return (
            ". It reconstructs its input: --set data.task=anomaly_detection --set "
            "'data.normal=[...]' (the classes that are not anomalies)"
        )
    count = shapes[1][-1] if shapes[1] else None
    if shapes[0] != tuple(spec.shape) or not spec.classes or not count:
        return ""
    if count <= len(spec.classes):
        return ""
    return (
        f". If only {len(spec.classes)} of its {count} classes have examples, name all "
        "of them in the order of the outputs: --set 'data.classes=[...]'; or leave the "
        "labels out: --calibration"
    )
