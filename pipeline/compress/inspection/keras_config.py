"""The configuration of a Keras file, as a list of layer calls.

In: a .keras or .h5 file of Keras 2 or 3. Out: one `ConfigLayer` per layer, in the order
of the file, with the names of the layers that it is called on; nested models are
replaced by their layers. Only the configuration is read.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from pipeline.core.decoding import reason_of
from pipeline.core.errors import UserError
from pipeline.core.quoting import shown

MODELS = ("Functional", "Model", "Sequential")
CONFIG, WEIGHTS = "config.json", "model.weights.h5"
HDF5 = b"\x89HDF\r\n\x1a\n"


@dataclass(frozen=True)
class ConfigLayer:
    """A layer of a configuration.

    Args:
        name: of the layer, after the names of the models that it is nested in.
        kind: its class.
        config: its settings.
        before: names of the layers that it is called on first; none for an input.
        calls: number of times that it is called; default 1.
    """

    name: str
    kind: str
    config: dict[str, Any] = field(default_factory=dict)
    before: tuple[str, ...] = ()
    calls: int = 1

    @property
    def activation(self) -> str:
        """Name of its activation; empty without one."""
        value = self.config.get("activation")
        if isinstance(value, dict):  # an object: its class is its name
            value = (
                value.get("config")
                if value.get("class_name") == "function"
                else (str(value.get("class_name", "")).lower())
            )
        return "" if value in (None, "linear") else str(value)


@dataclass(frozen=True)
class KerasConfig:
    """The layers of a file.

    Args:
        name: of the model.
        layers: in the order of the file.
        outputs: names of the layers whose outputs are those of the model.
        version: of Keras, as the file names it; may be empty.
        parameters: number of weights in the file, without those of the optimizer.
    """

    name: str
    layers: tuple[ConfigLayer, ...]
    outputs: tuple[str, ...]
    version: str
    parameters: int


def read_keras(path: Path) -> KerasConfig:
    """Read the configuration of a Keras file.

    Args:
        path: a .keras or .h5 file.

    Raises:
        UserError: when it holds no functional or Sequential model.
    """
    with path.open("rb") as file:
        head = file.read(8)
    try:
        values, version, count = _hdf5(path) if head == HDF5 else _archive(path)
        if values.get("class_name") in MODELS:
            layers, outputs = _model(values["config"], "", ())
            name = str(values["config"].get("name", path.stem))
            return KerasConfig(name, tuple(layers), outputs, version, count)
    except Exception as error:  # a decoder raises whatever its parsing meets
        raise UserError(
            f"{path}: not a complete Keras file ({reason_of(error)}); save the model "
            'again: model.save("model.keras")'
        ) from None
    raise UserError(
        f"{path}: the model is of the class {shown(values.get('class_name'))}; "
        "only functional and Sequential models describe their layers"
    )


def _archive(path: Path) -> tuple[dict[str, Any], str, int]:
    import io

    import h5py

    with zipfile.ZipFile(path) as archive:
        values = json.loads(archive.read(CONFIG))
        about = json.loads(archive.read("metadata.json"))
        with h5py.File(io.BytesIO(archive.read(WEIGHTS)), "r") as weights:
            count = _parameters(weights)
    return values, str(about.get("keras_version", "")), count


def _hdf5(path: Path) -> tuple[dict[str, Any], str, int]:
    import h5py

    with h5py.File(path, "r") as file:
        if "model_config" not in file.attrs:
            raise ValueError("weights without a model")
        values = json.loads(_text(file.attrs["model_config"]))
        version = _text(file.attrs.get("keras_version", ""))
        return values, version, _parameters(file["model_weights"])


def _text(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _parameters(group: Any) -> int:
    """Count numbers, without those of the optimizer and of random generators."""
    import h5py

    sizes: list[int] = []

    def visit(name: str, item: Any) -> None:
        others = ("optimizer", "seed_generator", "optimizer_weights")
        if isinstance(item, h5py.Dataset) and not any(o in name for o in others):
            sizes.append(int(item.size))

    group.visititems(visit)
    return sum(sizes)


def _model(
    config: Any, prefix: str, inputs: tuple[str, ...]
) -> tuple[list[ConfigLayer], tuple[str, ...]]:
    """Return the layers of a model, and the names of its last ones.

    Args:
        config: of the model; a list of layers in old files.
        prefix: names of the models around it, each with a slash.
        inputs: names of the layers that a nested model is called on.
    """
    entries = config if isinstance(config, list) else config["layers"]
    graph = isinstance(config, dict) and "output_layers" in config
    layers: list[ConfigLayer] = []
    last: dict[str, tuple[str, ...]] = {}  # name of an entry -> layers it ends with
    before = inputs
    feeding = iter(inputs)
    for entry in entries:
        name = prefix + entry_name(entry)
        called_on = called_on_first(entry) if graph else []
        sources = tuple(n for c in called_on for n in last.get(prefix + c, ()))
        sources = sources if graph else before
        if entry["class_name"] == "InputLayer" and inputs:
            last[name] = (next(feeding, inputs[0]),)
            continue
        if entry["class_name"] in MODELS:
            inner, ends = _model(entry["config"], f"{name}/", sources)
            layers += inner
        else:
            count = max(len(entry.get("inbound_nodes") or []), 1)
            kind, settings = entry["class_name"], _config(entry)
            layers.append(ConfigLayer(name, kind, settings, sources, count))
            ends = (name,)
        last[name] = before = ends
    if not graph:
        return _with_input(layers, config, inputs), before
    names = [prefix + name for name in tensor_names(config["output_layers"])]
    return layers, tuple(n for name in names for n in last.get(name, (name,)))


def _with_input(
    layers: list[ConfigLayer], config: Any, inputs: tuple[str, ...]
) -> list[ConfigLayer]:
    """Give a Sequential model the input that its first layer describes."""
    if inputs or not layers or layers[0].kind == "InputLayer":
        return layers
    built = config.get("build_input_shape") if isinstance(config, dict) else None
    shape = layers[0].config.get("batch_input_shape") or built
    if not shape:
        return layers
    first = ConfigLayer("input", "InputLayer", {"batch_shape": shape})
    return [first, replace(layers[0], before=("input",)), *layers[1:]]


def entry_name(entry: dict[str, Any]) -> str:
    """Return the name of a layer.

    Args:
        entry: of `layers` in the configuration of a model.
    """
    return str(entry.get("name") or entry.get("config", {}).get("name", "layer"))


def _config(entry: dict[str, Any]) -> dict[str, Any]:
    build = entry.get("build_config") or {}
    return {**entry.get("config", {}), "build_config": build}


def called_on_first(entry: dict[str, Any]) -> list[str]:
    """Return the names of the layers that a layer is called on first.

    Args:
        entry: as for `entry_name`, of a functional model of Keras 2 or 3.
    """
    nodes = entry.get("inbound_nodes") or []
    return list(_tensors(nodes[0])) if nodes else []


def _tensors(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        history = value.get("config", {})
        if isinstance(history, dict) and "keras_history" in history:
            yield str(history["keras_history"][0])
            return
        for inner in value.values():
            yield from _tensors(inner)
    elif isinstance(value, list):
        if len(value) >= 3 and isinstance(value[0], str) and value[1:3] == _ints(value):
            yield value[0]  # Keras 2: [name, node, tensor, arguments]
            return
        for inner in value:
            yield from _tensors(inner)


def _ints(value: list[Any]) -> list[int]:
    return [v for v in value[1:3] if isinstance(v, int)]


def tensor_names(tensors: Any) -> list[str]:
    """Return the names of the layers of a model's inputs or outputs.

    Args:
        tensors: entries `[layer, node, tensor]`, alone, in lists or a mapping; other
            values have no names.
    """
    if isinstance(tensors, dict):
        tensors = list(tensors.values())
    if not isinstance(tensors, list) or not tensors:
        return []
    if isinstance(tensors[0], str):
        return [tensors[0]]
    return [name for tensor in tensors for name in tensor_names(tensor)]
