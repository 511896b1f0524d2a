"""Builders by name, and models from them.

A builder declares its hyperparameters the Keras Tuner way, and is its own search
space. It returns an uncompiled functional model, every layer named, whose output
is the layer "logits" for a classification:

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
from pipeline.core.errors import UserError, nearest
from pipeline.models import defaults  # noqa: F401  sets Keras before any model
from pipeline.models import own
from pipeline.models.catalogue import parse
from pipeline.models.mistakes import Mistake

Builder = Callable[[HyperParameters, TaskSpec], keras.Model]
Values = Mapping[str, Any]
_BUILDERS: dict[str, Builder] = {}
_PRESETS: dict[str, Mapping[str, Values]] = {}


def builder(
    name: str, presets: Mapping[str, Values] | None = None
) -> Callable[[Builder], Builder]:
    """Register a builder under its name in the catalogue.

    Args:
        presets: preset name -> the hyperparameters that it fixes.
    """

    def register(function: Builder) -> Builder:
        _BUILDERS[name] = function
        _PRESETS[name] = presets or {}
        return function

    return register


def get(name: str) -> Builder:
    """The builder called `name`: a family, with or without a preset, or one's own.

    Raises:
        UserError: when there is none.
    """
    choice = parse(name)
    if choice.own:
        return own.load(choice.module, choice.name)
    importlib.import_module(choice.module)
    return _BUILDERS[choice.name]


def preset(name: str) -> Values:
    """The values that `family:preset` fixes; none for a plain family."""
    choice = parse(name)
    if not choice.preset:
        return {}
    importlib.import_module(choice.module)
    return _PRESETS[choice.name][choice.preset]


def build(name: str, values: Values, spec: TaskSpec, seed: int) -> keras.Model:
    """A model with given hyperparameters; those not given take their defaults.

    Args:
        values: hyperparameter name -> value; names it does not know are left alone.
        seed: fixes the initial weights, whatever was built before.
    """
    keras.utils.clear_session()
    keras.utils.set_random_seed(seed)
    hp = HyperParameters()
    hp.values = {**preset(name), **values}
    return get(name)(hp, spec)


def declare(
    name: str, hp: HyperParameters, spec: TaskSpec, values: Values | None = None
) -> None:
    """Add the builder's hyperparameters to a search space.

    Args:
        values: a value fixes a hyperparameter, a list is searched.

    Raises:
        Mistake: for a name or a kind of value that the builder does not know.
    """
    given = {**preset(name), **(values or {})}
    check(name, spec, values or {})
    for key, value in given.items():
        if isinstance(value, list):
            hp.Choice(key, value)
        else:
            hp.Fixed(key, value)
    get(name)(hp, spec)


def check(name: str, spec: TaskSpec, values: Values) -> None:
    """Hold what the user fixes against what the builder declares by itself.

    Raises:
        Mistake: for a name or a kind of value that the builder does not know.
    """
    if not values:
        return
    taken = declared(name, spec, values)
    for key, value in values.items():
        if key not in taken:
            known = ", ".join(taken)
            hint = nearest(key, taken)
            raise Mistake(
                f'values: builder {name} has no "{key}"{hint} (there are: {known})'
            )
        for one in value if isinstance(value, list) else [value]:
            check_kind(f"values.{key}", one, taken[key])


def declared(name: str, spec: TaskSpec, values: Values) -> Values:
    """Hyperparameter -> default; some builders need the user's values to be built.

    Raises:
        Mistake: when the builder cannot take the data, or those values.
    """
    first = {k: v[0] if isinstance(v, list) else v for k, v in values.items()}
    for tried in ({}, first):
        hp = HyperParameters()
        hp.values = {**preset(name), **tried}
        try:
            get(name)(hp, spec)
        except UserError:
            if tried is first:
                raise
            continue
        own = {one.name: one.default for one in hp.space}
        return {**own, **preset(name)}
    return {}


def check_kind(where: str, value: Any, default: Any) -> None:
    """The same kind as the default; a number that counts something is above zero."""
    kinds = (int, float) if type(default) is float else (type(default),)
    if type(value) not in kinds:
        raise Mistake(
            f"{where}: must be {_WORDS[type(default)]}, such as {default}; "
            f"received {value!r}"
        )
    if type(default) is int and value < 1:
        raise Mistake(f"{where}: must be at least 1; received {value}")


_WORDS = {int: "a whole number", float: "a number", str: "a text", bool: "true, false"}
