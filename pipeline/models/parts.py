"""What the config.json of a .keras file is made of, without Keras.

In: the configuration, as JSON gives it. Out: every object with a class in it, and
whether that class is Keras's own. What the model was compiled with is left out: files
are loaded without it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

COMPILED, FUNCTION = "compile_config", "function"


@dataclass(frozen=True)
class Part:
    """An object of config.json.

    Args:
        layer: the name of the layer that it is, or belongs to.
        holder: the class of that layer.
        values: as Keras writes an object: `module`, `class_name`, `config`.
    """

    layer: str
    holder: str
    values: dict[str, Any]

    @property
    def kind(self) -> str:
        """Its class, or which function it is."""
        kind = str(self.values["class_name"])
        return f"the function {self.values.get('config')}" if kind == FUNCTION else kind

    @property
    def is_layer(self) -> bool:
        """Whether it is the layer itself."""
        return _name(self.values) == self.layer and self.kind == self.holder

    @property
    def module(self) -> str:
        """Where its class is defined; Keras does not write which script has it."""
        held = self.values["module"]
        return held if held not in (None, "builtins") else "a script of your own"

    @property
    def foreign(self) -> str:
        """In words why it is no part of Keras itself; empty of what is."""
        if self.is_layer and self.kind == "Lambda" and is_keras(self.values):
            text = "is a Lambda, a Python function that no file keeps safely"
            return f'layer "{self.layer}" {text}'
        if is_keras(self.values):
            return ""
        what = f'layer "{self.layer}" ({self.holder})'
        if self.is_layer:
            return f"{what} is of a class of its own, of {self.module}"
        return f"{what} uses {self.kind} of {self.module}"


def parts(config: dict[str, Any]) -> Iterator[Part]:
    """All that a model is made of.

    Args:
        config: of the whole model: `class_name`, `config`.
    """
    return _parts(config["config"], _name(config), config["class_name"])


def _parts(value: Any, layer: str, holder: str) -> Iterator[Part]:
    """Every object with a class and a module in a model's configuration."""
    if isinstance(value, list):
        for item in value:
            yield from _parts(item, layer, holder)
    elif isinstance(value, dict):
        if "class_name" in value and "module" in value:
            if name := _name(value):
                layer, holder = name, str(value["class_name"])
            yield Part(layer, holder, value)
        for key, item in value.items():
            if key != COMPILED:
                yield from _parts(item, layer, holder)


def _name(values: dict[str, Any]) -> str:
    """Of a layer or model; policies have a name, too, and are neither."""
    config = values.get("config")
    if not isinstance(config, dict) or "DTypePolicy" in str(values.get("class_name")):
        return ""
    return str(config.get("name") or "")


def is_keras(values: dict[str, Any]) -> bool:
    """Whether Keras has a class; its own functions stand in a config by name alone."""
    if values.get("class_name") == FUNCTION:
        return False
    return str(values.get("module")).partition(".")[0] in ("keras", "builtins")
