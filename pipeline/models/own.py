"""A builder of the user's own, `module:function` in the working directory.

It is called as the house's builders are and is checked for what it returns. Its
module, and all that it imports from the working directory, belong to the
fingerprint of the stage.
"""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.core.base_path import base
from pipeline.core.errors import UserError
from pipeline.models.mistakes import Mistake


def load(module: str, function: str) -> Callable[..., keras.Model]:
    """Import the function, wrapped so that its mistakes are one message each.

    Raises:
        Mistake: when it cannot be imported, or is not a function.
    """
    name = f"{module}:{function}"
    if (folder := str(Path.cwd() / base())) not in sys.path:
        sys.path.insert(0, folder)
    try:
        found = importlib.import_module(module)
    except (Exception, SystemExit) as error:
        raise Mistake(f"builder {name}: importing it fails: {_where(error)}") from error
    if not callable(build := getattr(found, function, None)):
        where = getattr(found, "__file__", None) or module
        raise Mistake(f"builder {name}: there is no function {function} in {where}")

    def checked(hp: HyperParameters, spec: TaskSpec) -> keras.Model:
        return _check(name, _call(name, build, hp, spec), spec)

    return checked


def _call(name: str, build: Any, hp: HyperParameters, spec: TaskSpec) -> Any:
    try:
        return build(hp, spec)
    except UserError:
        raise
    except (Exception, SystemExit) as error:
        raise Mistake(f"builder {name}: it raised {_where(error)}") from error


def _check(name: str, model: Any, spec: TaskSpec) -> keras.Model:
    if not isinstance(model, keras.Model) or not hasattr(model, "_nodes_by_depth"):
        raise Mistake(
            f"builder {name}: must return a functional keras.Model; it returned a "
            f"{type(model).__module__}.{type(model).__name__}"
        )
    outputs = (None, len(spec.classes))
    ends = {"input": (model.input_shape, (None, *spec.shape))}
    if spec.task == "classification":
        ends["output"] = (model.output_shape, outputs)
        _check_logits(name, model)
    for end, (received, needed) in ends.items():
        if received != needed:
            raise Mistake(
                f"builder {name}: the {end} of its model is {received}; "
                f"{spec.source} needs {needed}"
            )
    return model


def _check_logits(name: str, model: keras.Model) -> None:
    """Losses, distillation and export all begin with logits."""
    last = model.output._keras_history.operation
    activation = getattr(getattr(last, "activation", None), "__name__", "")
    if type(last).__name__ == "Softmax" or activation in ("softmax", "sigmoid"):
        raise Mistake(
            f'builder {name}: must end in logits; its last layer, "{last.name}", is a '
            f"{activation or 'softmax'}: leave that out"
        )


def _where(error: BaseException) -> str:
    """`ValueError: what it says (models.py, line 7)`."""
    last = traceback.extract_tb(error.__traceback__)[-1]
    text = (str(error).strip() or "no message").splitlines()[0]
    return (
        f"{type(error).__name__}: {text} ({Path(last.filename).name}, "
        f"line {last.lineno})"
    )
