"""Check a Keras file without importing TensorFlow.

In: a path. Out: nothing, or a UserError that names the kind of file or the layer that
cannot be compressed, and what to do.

Only checksums and the configuration are read; the train stage checks the rest, which
needs the weights or the data. So unsupported models are rejected at once.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any, NoReturn

from pipeline.compress.import_model.keras_classes import LAYERS, MODELS, is_allowed
from pipeline.compress.import_model.onnx.supported import is_onnx
from pipeline.compress.import_model.precision import check_precision
from pipeline.compress.inspection.keras_config import (
    CONFIG,
    HDF5,
    KerasConfig,
    called_on_first,
    entry_name,
    read_keras,
    tensor_names,
)
from pipeline.core.decoding import decoding
from pipeline.core.errors import UserError
from pipeline.core.quoting import listing, shown
from pipeline.core.regular_file import is_regular
from pipeline.core.wording import quantity
from pipeline.models.keras_archive import ArchiveObject, archive_objects, is_keras

WEIGHTS = ("model.weights.h5", "model.weights.json")  # one file, or an index of shards
SAVE = 'save the model with Keras 3: model.save("model.keras")'
# (offset, magic bytes) -> the kind of file.
SIGNATURES = {
    (4, b"TFL3"): "a .tflite file, which is already converted, so that nothing can be "
    "trained or chosen; `inspect` describes it",
    (0, b"PK"): "a truncated or damaged zip file",
}
# What a damaged or encrypted archive, or JSON too deep, raises.
UNREADABLE = (zipfile.BadZipFile, KeyError, ValueError, RuntimeError)
# Layers that have as many outputs as the layer before them, on the last axis.
KEEP_COUNT = (
    *("Activation", "Softmax", "Dropout", "ReLU", "Identity"),
    *("BatchNormalization", "GlobalAveragePooling2D", "GlobalAveragePooling1D"),
)


def check_archive(path: Path) -> None:
    """Check that a file is a Keras model that can be compressed.

    Args:
        path: a .keras, .h5 or .onnx file.

    Raises:
        UserError: naming the file, the problem, and what to do.
    """
    with decoding(path, "a model that can be compressed"):
        if is_onnx(path):
            _onnx().check_onnx(path)
            return
        if is_keras_2(path):
            check_keras_2(path)
            _old_shape(read_keras(path))
            return
        config = _config(path, checksums=True)
        _check_class(config, path)
        _check_inputs_and_outputs(config["config"], path)
        for item in archive_objects(config):
            _check_built_in(item, path)
            check_precision(item, path)
            _check_layout(item, path)
        _input_shape(config)
        _takes_tokens(config)
        _output_units(config)


def input_shape(path: Path) -> tuple[int | None, ...] | None:
    """Return the shape of a model's input without the batch; None if it is unknown.

    Args:
        path: a file that `check_archive` accepts.
    """
    if is_onnx(path):
        return _onnx().input_shape(path)  # type: ignore[no-any-return]
    old = _old(path)
    return _old_shape(old) if old else _input_shape(_config(path))


def is_keras_2(path: Path) -> bool:
    """Return whether a file is one that Keras 2 or tf_keras saved.

    Args:
        path: of any file; .h5 files of Keras 3 count, too, as they have its format.
    """
    if not is_regular(path):
        return False
    with path.open("rb") as file:
        if file.read(8) == HDF5:
            return True
    try:
        with zipfile.ZipFile(path) as archive:
            return b"tf_keras." in archive.read(CONFIG)[:500]
    except UNREADABLE:
        return False


def check_keras_2(path: Path) -> None:
    """Check that the layers of a file of Keras 2 can be compressed.

    Args:
        path: a file that `is_keras_2` accepts.

    Raises:
        UserError: naming the file, the layer, and what to do.
    """
    config = read_keras(path)
    for layer in config.layers:
        if layer.kind not in LAYERS:
            raise UserError(
                f'{path}: layer "{shown(layer.name)}" is a {shown(layer.kind)}; only '
                "built-in layers that hold no code can be compressed: build the model "
                "from layers of keras.layers, such as Rescaling"
            )
    inputs = sum(layer.kind == "InputLayer" for layer in config.layers)
    check_single_input_and_output(inputs, len(config.outputs), str(path))


def _onnx() -> Any:
    from pipeline.compress.import_model.onnx import facts  # needs NumPy

    return facts


def _old(path: Path) -> KerasConfig | None:
    return read_keras(path) if is_keras_2(path) else None


def _old_shape(old: KerasConfig) -> tuple[int | None, ...]:
    first = next(x.config for x in old.layers if x.kind == "InputLayer")
    batch = first.get("batch_shape") or first.get("batch_input_shape") or [None]
    if not isinstance(batch, list):
        raise TypeError(f"the shape of its input is {batch!r}")
    return tuple(batch[1:])


def _input_shape(config: dict[str, Any]) -> tuple[int | None, ...] | None:
    shape = config.get("build_config", {}).get("input_shape")
    shape = _input_layer(config).get("batch_shape") or shape
    return tuple(shape[1:]) if isinstance(shape, list) and shape else None


def takes_tokens(path: Path) -> bool:
    """Return whether a model reads rows of token numbers with an Embedding.

    Args:
        path: a file that `check_archive` accepts.
    """
    if is_onnx(path):
        return _onnx().takes_tokens(path)  # type: ignore[no-any-return]
    if old := _old(path):
        one_axis = len(_old_shape(old)) == 1
        return one_axis and any(layer.kind == "Embedding" for layer in old.layers)
    return _takes_tokens(_config(path))


def _takes_tokens(config: dict[str, Any]) -> bool:
    objects = archive_objects(config)
    embeds = any(item.is_layer and item.kind == "Embedding" for item in objects)
    return embeds and len(_input_shape(config) or ()) == 1


def output_units(path: Path) -> int | None:
    """Return the number of outputs of a model; None if its last layers do not tell.

    Args:
        path: a .keras file that `check_archive` accepts.
    """
    if is_onnx(path):
        return _onnx().output_units(path)  # type: ignore[no-any-return]
    return None if is_keras_2(path) else _output_units(_config(path))


def _output_units(config: dict[str, Any]) -> int | None:
    inner = config["config"]
    layers = {entry_name(layer): layer for layer in inner.get("layers") or []}
    order = list(layers)
    ends = tensor_names(inner.get("output_layers")) or order[-1:]
    name = ends[0] if ends else ""
    while layer := layers.pop(name, None):  # once per layer: a file may hold a circle
        settings = layer.get("config", {})
        for key in ("units", "filters"):
            if isinstance(settings.get(key), int):
                return int(settings[key])
        if layer.get("class_name") not in KEEP_COUNT:
            return None
        before = called_on_first(layer) or order[: order.index(name)][-1:]
        name = before[0] if before else ""
    return None


def _input_layer(config: dict[str, Any]) -> dict[str, Any]:
    """The configuration of the input layer, or of the first layer."""
    inner = config["config"]
    layers = [layer.get("config", {}) for layer in inner.get("layers") or [{}]]
    names = tensor_names(inner.get("input_layers"))
    first: dict[str, Any]
    first = next((layer for layer in layers if layer.get("name") in names), layers[0])
    return first


def _config(path: Path, checksums: bool = False) -> dict[str, Any]:
    """Read config.json of a complete .keras file; with `checksums`, read all of it."""
    if not is_regular(path):
        _raise_no_file(path)
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            if checksums:
                _check_checksums(archive, path)
            config = json.loads(archive.read(CONFIG))
    except zipfile.BadZipFile:
        raise UserError(f"{path}: is {_kind(path)}; {SAVE}") from None
    except UNREADABLE:
        raise UserError(f"{path}: its {CONFIG} cannot be read; {SAVE}") from None
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise UserError(f"{path}: its {CONFIG} does not describe a Keras model; {SAVE}")
    return config


def _raise_no_file(path: Path) -> NoReturn:
    if (path / "saved_model.pb").is_file():
        reason = f"is a SavedModel, which does not store layers; {SAVE}"
    elif path.is_dir():
        reason = "is a folder; give a .keras file"
    else:
        reason = "no such file; give a .keras file"
    raise UserError(f"{path}: {reason}")


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    names = archive.namelist()
    if CONFIG not in names or not set(WEIGHTS) & set(names):
        content = listing(names, 5) or "nothing"
        raise UserError(
            f"{path}: is a zip file, but not a Keras model: it contains {content}; "
            f"required: {CONFIG} and {WEIGHTS[0]}; {SAVE}"
        )


def _check_checksums(archive: zipfile.ZipFile, path: Path) -> None:
    if damaged := archive.testzip():
        raise UserError(
            f"{path}: is damaged: the checksum of {shown(damaged)} does not match; "
            f"{SAVE}"
        )


def _kind(path: Path) -> str:
    """Name the kind of a file that is not a zip file."""
    with path.open("rb") as file:
        head = file.read(16)
    if not head:
        return "empty"
    for (offset, magic), kind in SIGNATURES.items():
        if head[offset:].startswith(magic):
            return kind
    return "not a Keras model"


def _check_class(config: dict[str, Any], path: Path) -> None:
    kind = config.get("class_name")
    if kind not in MODELS or not is_keras(config):
        raise UserError(
            f'{path}: the model is of the class "{shown(kind)}"; only functional and '
            "Sequential models can be compressed: build it with "
            "keras.Model(inputs, outputs)"
        )


def _check_inputs_and_outputs(config: dict[str, Any], path: Path) -> None:
    """Check the numbers of inputs and outputs; a Sequential model has one of each."""
    keys = ("input_layers", "output_layers")
    inputs, outputs = (
        len(tensor_names(config[key])) if key in config else 1 for key in keys
    )
    check_single_input_and_output(inputs, outputs, str(path))


def check_single_input_and_output(inputs: int, outputs: int, path: str) -> None:
    """Check that a model has one input and one output.

    Args:
        inputs: number of its inputs.
        outputs: number of its outputs.
        path: its file, for the error.

    Raises:
        UserError: if there is another number of either.
    """
    if (inputs, outputs) != (1, 1):
        counts = f"{quantity(inputs, 'input')} and {quantity(outputs, 'output')}"
        raise UserError(f"{path}: has {counts}; compression needs exactly one of each")


def _check_built_in(item: ArchiveObject, path: Path) -> None:
    """Reject custom code, which a .keras file does not contain."""
    reason = item.custom_code or _not_allowed(item)
    if reason:
        raise UserError(
            f"{path}: {reason}; only built-in layers can be compressed: "
            "build the model from layers of keras.layers, such as Rescaling"
        )


def _not_allowed(item: ArchiveObject) -> str:
    """A clause naming a class of Keras that no model here may hold, or nothing."""
    module = str(item.values["module"] or "builtins")
    if is_allowed(module, str(item.values["class_name"])):
        return ""
    if item.is_layer:
        return (
            f'layer "{shown(item.layer)}" is a {shown(item.kind)}, which cannot be '
            "exported to a .tflite file"
        )
    return f'layer "{shown(item.layer)}" holds a {shown(item.kind)} of {shown(module)}'


def _check_layout(item: ArchiveObject, path: Path) -> None:
    """Reject images and sequences whose channels come first, as in PyTorch."""
    settings = item.values.get("config")
    first = isinstance(settings, dict) and settings.get("data_format")
    if item.is_layer and first == "channels_first":
        raise UserError(
            f'{path}: layer "{shown(item.layer)}" has its channels first, and .tflite '
            "files have them last: build the model with keras.config."
            'set_image_data_format("channels_last") and load its weights (those of a '
            "Dense after a Flatten change their order)"
        )
