"""The objects in the config.json of a .keras file, found without importing Keras.

In: the configuration as parsed JSON. Out: every object with a class, and whether
that class is Keras's. The compilation settings are left out, because files are
loaded without them.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pipeline.core.quoting import shown

COMPILED, FUNCTION = "compile_config", "function"


@dataclass(frozen=True)
class ArchiveObject:
    """An object of config.json: a layer, or an object in a layer's configuration.

    Args:
        layer: name of the layer that it is or belongs to.
        layer_class: class of that layer.
        values: its JSON: `module`, `class_name`, `config`.
    """

    layer: str
    layer_class: str
    values: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its class, or `the function NAME`."""
        kind = str(self.values["class_name"])
        return f"the function {self.values.get('config')}" if kind == FUNCTION else kind

    @property
    def is_layer(self) -> bool:
        """True for the layer itself, not an object inside it."""
        return _name(self.values) == self.layer and self.kind == self.layer_class

    @property
    def module(self) -> str:
        """The module of its class; Keras does not record the name of a script."""
        module = self.values["module"]
        return module if module not in (None, "builtins") else "a script of your own"

    @property
    def custom_code(self) -> str:
        """A clause naming the code that Keras lacks; empty for Keras's own objects."""
        layer, kind = f'layer "{shown(self.layer)}"', shown(self.layer_class)
        if self.is_layer and self.kind == "Lambda" and is_keras(self.values):
            return f"{layer} is a Lambda, a Python function that no file stores safely"
        if is_keras(self.values):
            return ""
        if self.is_layer:
            return f"{layer} ({kind}) is of a class from {shown(self.module)}"
        return f"{layer} ({kind}) uses {shown(self.kind)} of {shown(self.module)}"


def archive_objects(config: dict[str, Any]) -> Iterator[ArchiveObject]:
    """Iterate over all objects of a model, each layer before what it contains.

    Args:
        config: of the whole model, with `class_name` and `config`.

    Yields:
        Every object with a class and a module.
    """
    return _objects(config["config"], _name(config), config["class_name"])


def _objects(value: Any, layer: str, layer_class: str) -> Iterator[ArchiveObject]:
    if isinstance(value, list):
        for item in value:
            yield from _objects(item, layer, layer_class)
    elif isinstance(value, dict):
        if "class_name" in value and "module" in value:
            if name := _name(value):
                layer, layer_class = name, str(value["class_name"])
            yield ArchiveObject(layer, layer_class, value)
        for key, item in value.items():
            if key != COMPILED:
                yield from _objects(item, layer, layer_class)


def _name(values: dict[str, Any]) -> str:
    """The name of a layer or model; dtype policies have names too, and are neither."""
    config = values.get("config")
    if not isinstance(config, dict) or "DTypePolicy" in str(values.get("class_name")):
        return ""
    return str(config.get("name") or "")


def is_keras(values: dict[str, Any]) -> bool:
    """Return True for a class of Keras, whose functions are stored by name alone.

    Args:
        values: JSON of an object.
    """
    if values.get("class_name") == FUNCTION:
        return False
    return str(values.get("module")).partition(".")[0] in ("keras", "builtins")
