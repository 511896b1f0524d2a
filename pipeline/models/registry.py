"""Builders by name, and models from them.

A builder declares its hyperparameters the Keras Tuner way, and is its own search
space. It returns an uncompiled functional model, every layer named, whose output
is the layer "logits":

    @builder("cnn")
    def cnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model: ...
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras_tuner import HyperParameters

from pipeline.data.spec import TaskSpec
from pipeline.engine.errors import UserError, nearest
from pipeline.models import defaults  # noqa: F401  sets Keras before any model
from pipeline.models.catalogue import BUILDER_MODULES

Builder = Callable[[HyperParameters, TaskSpec], keras.Model]
_BUILDERS: dict[str, Builder] = {}


def builder(name: str) -> Callable[[Builder], Builder]:
    """Register a builder under its name in the catalogue."""

    def register(function: Builder) -> Builder:
        _BUILDERS[name] = function
        return function

    return register


def get(name: str) -> Builder:
    """The builder called `name`.

    Raises:
        UserError: when there is none.
    """
    if name not in BUILDER_MODULES:
        known = ", ".join(BUILDER_MODULES)
        hint = nearest(name, BUILDER_MODULES)
        raise UserError(f'no builder "{name}"{hint} (there are: {known})')
    importlib.import_module(BUILDER_MODULES[name])
    return _BUILDERS[name]


def build(
    name: str, values: Mapping[str, Any], spec: TaskSpec, seed: int
) -> keras.Model:
    """A model with given hyperparameters; those not given take their defaults.

    Args:
        values: hyperparameter name -> value; names it does not know are left alone.
        seed: fixes the initial weights, whatever was built before.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    hp = HyperParameters()
    hp.values = dict(values)
    return get(name)(hp, spec)


def declare(name: str, hp: HyperParameters, spec: TaskSpec) -> None:
    """Add the builder's hyperparameters to a search space."""
    get(name)(hp, spec)


def scaled(count: int, width: float) -> int:
    """A layer's width times a multiplier, at least 1."""
    return max(1, round(count * width))
