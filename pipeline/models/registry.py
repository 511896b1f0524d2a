"""Builders by name, and models built from them.

A builder declares its hyperparameters with Keras Tuner and thereby is its own search
space. It takes `hp`, which receives them, and `spec`, the signature of the data, and
returns an uncompiled functional model with every layer named. A classifier ends in
the layer "logits":

    @builder("cnn")
    def cnn(hp: HyperParameters, spec: TaskSpec) -> keras.Model: ...
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from typing import Any

import keras
from keras_tuner import HyperParameters

from pipeline.core.errors import UserError, did_you_mean
from pipeline.data.spec import TaskSpec
from pipeline.models import custom_builder
from pipeline.models.catalogue import parse
from pipeline.models.custom_builder import Builder
from pipeline.models.errors import ModelError
from pipeline.models.keras_defaults import restore_keras_defaults

Values = Mapping[str, Any]
_BUILDERS: dict[str, Builder] = {}
_PRESETS: dict[str, Mapping[str, Values]] = {}
_TYPE_NAMES = {
    int: "a whole number",
    float: "a number",
    str: "a string",
    bool: "true or false",
}


def builder(
    name: str, presets: Mapping[str, Values] | None = None
) -> Callable[[Builder], Builder]:
    """Register the decorated function as a builder.

    Args:
        name: in `pipeline.models.catalogue.BUILDER_MODULES`.
        presets: preset name -> the hyperparameter values that it fixes.

    Returns:
        A decorator that returns the function unchanged.
    """

    def register(function: Builder) -> Builder:
        _BUILDERS[name] = function
        _PRESETS[name] = presets or {}
        return function

    return register


def get(name: str) -> Builder:
    """Import a builder.

    Args:
        name: `family`, `family:preset` or `module:function`.

    Returns:
        The builder; a preset does not change it, see `preset`.

    Raises:
        UserError: if there is no such builder.
    """
    restore_keras_defaults()
    choice = parse(name)
    if choice.is_custom:
        return custom_builder.load(choice.module, choice.name)
    importlib.import_module(choice.module)
    return _BUILDERS[choice.name]


def preset(name: str) -> Values:
    """Return the values that `family:preset` fixes; empty for a plain family.

    Args:
        name: `family`, `family:preset` or `module:function`.

    Raises:
        UserError: if there is no such builder or preset.
    """
    choice = parse(name)
    if not choice.preset:
        return {}
    importlib.import_module(choice.module)
    return _PRESETS[choice.name][choice.preset]


def build(name: str, values: Values, spec: TaskSpec, seed: int) -> keras.Model:
    """Build a model. Clears Keras's session first.

    Args:
        name: `family`, `family:preset` or `module:function`.
        values: hyperparameter -> value; others have their defaults, and names that
            the builder does not declare are ignored.
        spec: signature of the data.
        seed: of the initial weights, which do not depend on models built earlier.

    Returns:
        An uncompiled functional model.

    Raises:
        UserError: if there is no such builder, or it cannot process the data.
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
        name: `family`, `family:preset` or `module:function`.
        hp: the search space.
        spec: signature of the data.
        values: hyperparameter -> value that fixes it, or list of values to search.

    Raises:
        ModelError: for an unknown hyperparameter, or a value of another type.
    """
    check(name, spec, values or {})
    for key, value in {**preset(name), **(values or {})}.items():
        if isinstance(value, list):
            hp.Choice(key, value)
        else:
            hp.Fixed(key, value)
    get(name)(hp, spec)


def check(name: str, spec: TaskSpec, values: Values) -> None:
    """Check the user's values against the hyperparameters that a builder declares.

    Args:
        name: `family`, `family:preset` or `module:function`.
        spec: signature of the data.
        values: hyperparameter -> value, or list of values.

    Raises:
        ModelError: for an unknown hyperparameter, or a value of another type.
    """
    if not values:
        return
    defaults = declared(name, spec, values)
    for key, value in values.items():
        if key not in defaults:
            hint, names = did_you_mean(key, defaults), ", ".join(defaults)
            raise ModelError(
                f'values: builder {name} has no "{key}"{hint} (there are: {names})'
            )
        for item in value if isinstance(value, list) else [value]:
            check_kind(f"values.{key}", item, defaults[key])


def declared(name: str, spec: TaskSpec, values: Values) -> Values:
    """Return the hyperparameters that a builder declares, with their defaults.

    Args:
        name: `family`, `family:preset` or `module:function`.
        spec: signature of the data.
        values: the user's values, tried if the builder needs some to be built.

    Returns:
        Hyperparameter -> default, which a preset may replace.

    Raises:
        UserError: if the builder cannot process the data, or the values.
    """
    try:
        defaults = _defaults(name, spec, {})
    except UserError:
        first = {k: v[0] if isinstance(v, list) else v for k, v in values.items()}
        return _defaults(name, spec, first)
    chosen = choices(values, defaults)
    return _defaults(name, spec, chosen) if chosen else defaults


def choices(values: Values, defaults: Values) -> Values:
    """Return the values that may decide which other hyperparameters there are.

    Args:
        values: the user's, such as the `family` of a decoder's backbone.
        defaults: hyperparameter -> default.

    Returns:
        The words among the values, of hyperparameters whose default is a word.
    """
    words = {key: value for key, value in values.items() if isinstance(value, str)}
    return {k: v for k, v in words.items() if isinstance(defaults.get(k), str)}


def _defaults(name: str, spec: TaskSpec, values: Values) -> Values:
    hp = HyperParameters()
    hp.values = {**preset(name), **values}
    get(name)(hp, spec)
    return {**{item.name: item.default for item in hp.space}, **preset(name)}


def check_kind(where: str, value: Any, default: Any) -> None:
    """Check a value's type and sign against the default of its hyperparameter.

    Args:
        where: key of the experiment file, for the message.
        value: to check.
        default: an int for a count, or a float, text or boolean.

    Raises:
        ModelError: for another type than the default's (a float also takes an int),
            or a count below 1.
    """
    kinds = (int, float) if type(default) is float else (type(default),)
    if type(value) not in kinds:
        raise ModelError(
            f"{where}: must be {_TYPE_NAMES[type(default)]}, such as {default}; "
            f"received {value!r}"
        )
    if type(default) is int and value < 1:
        raise ModelError(f"{where}: must be at least 1; received {value}")
