"""Layers and functions of the user's modules, which .keras files only name.

In: the user's modules. Out: their layers and functions are known to Keras by name, so
that models that have them can be read and copied, also where they are not registered.
"""

from __future__ import annotations

from collections.abc import Iterator
from inspect import isclass, isfunction
from types import ModuleType
from typing import Any

import keras

from pipeline.core.user_modules import import_announced

# Packages that are not the user's.
OTHERS = ("keras", "pipeline", "tensorflow", "tf_keras")


def register_announced() -> None:
    """Import the announced modules, and register what a .keras file may name.

    Raises:
        Exception: whatever a module raises.
    """
    for module in import_announced():
        register(module)


def register(module: ModuleType) -> None:
    """Let Keras find the layers and functions of a module by their names.

    Args:
        module: of the user; all layers that exist since its import are registered. What
            the module itself defines goes before a class of another module with the
            same name.
    """
    names = keras.saving.get_custom_objects()
    for name, value in vars(module).items():
        if not _is_object(value):
            continue
        if value.__module__ == module.__name__:
            names[name] = value
        elif is_of_user(value):
            names.setdefault(name, value)
    for kind in filter(_is_object, _subclasses(keras.layers.Layer)):
        names.setdefault(kind.__name__, kind)


def is_of_user(item: Any) -> bool:
    """Return whether a class or function is the user's.

    Args:
        item: a class or function; its module decides.
    """
    return str(item.__module__).partition(".")[0] not in OTHERS


def _is_object(item: Any) -> bool:
    if isclass(item) and issubclass(item, keras.layers.Layer):
        # One with the name of a layer of Keras needs the decorator.
        return not hasattr(keras.layers, item.__name__)
    return isfunction(item)


def _subclasses(kind: type) -> Iterator[type]:
    subclasses: list[type] = kind.__subclasses__()
    for subclass in subclasses:
        if is_of_user(subclass):
            yield subclass
        yield from _subclasses(subclass)
