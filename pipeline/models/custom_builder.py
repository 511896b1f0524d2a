"""Custom builders: `module:function`, with the module in the working directory.

A custom builder is called like the registered ones, and its model is checked. Its
module and all that it imports from the working directory are part of the stage's
fingerprint.
"""

from __future__ import annotations

import sys
import traceback
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import keras
from keras_tuner import HyperParameters

from pipeline.core.base_path import base
from pipeline.core.errors import UserError
from pipeline.core.user_modules import import_user_module
from pipeline.data.spec import TaskSpec
from pipeline.models.errors import ModelError
from pipeline.models.user_objects import register
from pipeline.tasks.registry import task_of

Builder = Callable[[HyperParameters, TaskSpec], keras.Model]


def load(module: str, function: str) -> Builder:
    """Import a custom builder, with its errors turned into one message each.

    Args:
        module: dotted name, importable from the working directory.
        function: takes `(hp, spec)` and returns a functional `keras.Model`.

    Returns:
        A builder that calls the function and checks its model.

    Raises:
        ModelError: if the import fails or there is no such function; the returned
            builder raises it if the function fails or its model does not fit.
    """
    name = f"{module}:{function}"
    build = imported(module, function)

    def checked(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
        return _check(name, _call(name, build, hp, spec), spec)

    return checked


def imported(module: str, function: str) -> Callable[..., Any]:
    """Import the function of a custom builder.

    Args:
        module: dotted name, importable from the working directory.
        function: its name in the module.

    Raises:
        ModelError: if the import fails or there is no such function.
    """
    name = f"{module}:{function}"
    if (folder := str(Path.cwd() / base())) not in sys.path:
        sys.path.insert(0, folder)
    try:
        code = import_user_module(module)
    except (Exception, SystemExit) as error:
        where = _where(error)
        raise ModelError(f"builder {name}: importing it fails: {where}") from error
    if not callable(build := getattr(code, function, None)):
        where = getattr(code, "__file__", None) or module
        raise ModelError(f"builder {name}: there is no function {function} in {where}")
    register(code)
    return build


def _call(
    name: str, build: Callable[..., Any], hp: HyperParameters, spec: TaskSpec
) -> Any:
    try:
        return build(hp, spec)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise ModelError(f"builder {name}: it raised {_where(error)}") from error


def _check(name: str, model: Any, spec: TaskSpec) -> keras.Model:
    if isinstance(model, keras.Sequential):
        model = functional(model, spec)
    if not isinstance(model, keras.Model) or not hasattr(model, "_nodes_by_depth"):
        raise ModelError(
            f"builder {name}: must return a functional or Sequential keras.Model; it "
            f"returned a {type(model).__module__}.{type(model).__name__}"
        )
    shapes = {"input": (model.input_shape, (None, *spec.shape))}
    task = task_of(spec)
    if task.predicts_classes:
        model = _with_logits(name, model, spec)
        shapes["output"] = (model.output_shape, (None, *task.output_shape(spec)))
    for end, (received, needed) in shapes.items():
        if received != needed:
            raise ModelError(
                f"builder {name}: the {end} of its model is {received}; "
                f"{spec.source} needs {needed}"
            )
    return model


def functional(model: keras.Sequential, spec: TaskSpec) -> keras.Model:
    """Return the same layers as a functional model.

    Args:
        model: an unbuilt one gets the input of the data.
        spec: of the data.
    """
    if not model.built:
        model.build((None, *spec.shape))
    return keras.Model(model.inputs[0], model.outputs[0], name=model.name)


def _with_logits(name: str, model: keras.Model, spec: TaskSpec) -> keras.Model:
    """Drop a softmax at the end: losses, distillation and export expect logits.

    One sigmoid for two classes becomes two logits, which compute the same function.

    Raises:
        ModelError: for one sigmoid per class, which is a model of several labels.
    """
    last, units = model.output._keras_history.operation, model.output_shape[-1]
    activation = _activation(last)
    if activation == "sigmoid" and units == 1 and len(spec.classes) == 2:
        _note(f"builder {name}: its sigmoid is replaced by two logits")
        logits = keras.layers.Dense(2, name=f"{last.name}_logits")(last.input)
        return keras.Model(model.inputs[0], logits, name=model.name)
    if activation == "sigmoid":
        raise ModelError(
            f'builder {name}: must end in logits; its last layer, "{last.name}", is a '
            "sigmoid for each class: remove the activation"
        )
    if activation != "softmax":
        return model
    _note(f'builder {name}: the softmax at its end ("{last.name}") is left out')
    if type(last).__name__ in ("Softmax", "Activation"):
        return keras.Model(model.inputs[0], last.input, name=model.name)
    last.activation = keras.activations.linear
    return model


def _activation(layer: Any) -> str:
    """Name of the activation that a layer ends with; empty without one."""
    if type(layer).__name__ in ("Softmax", "Sigmoid"):
        return type(layer).__name__.lower()
    activation = getattr(layer, "activation", None)
    if activation is None:
        return ""
    return str(getattr(activation, "__name__", type(activation).__name__.lower()))


@cache
def _note(text: str) -> None:
    """Print a note once per process."""
    print(f"note: {text}")


def _where(error: BaseException) -> str:
    """Format as `ValueError: its message (models.py, line 7)`."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    text = (str(error).strip() or "no message").splitlines()[0]
    return (
        f"{type(error).__name__}: {text} ({Path(last.filename).name}, "
        f"line {last.lineno})"
    )
