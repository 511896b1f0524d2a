"""What a .keras file says of itself, before TensorFlow is imported.

In: a path. Out: nothing, or a UserError that says what the file is, which part of
the model cannot be compressed, and what to do. Only the zip file and its config.json
are read: what needs the weights or the data is checked by the train stage.
"""

from __future__ import annotations

import json
import zipfile
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.models.keras_archive import ArchiveObject, archive_objects, is_keras

CONFIG = "config.json"
WEIGHTS = ("model.weights.h5", "model.weights.json")  # whole, or in parts
GRAPHS = ("Functional", "Sequential")
SAVE = 'save the model with Keras 3: model.save("model.keras")'
# Where they stand -> the first bytes of files that are not a .keras file.
SIGNS = {
    (0, b"\x89HDF\r\n\x1a\n"): "an HDF5 file (.h5), as Keras 2 writes it",
    (4, b"TFL3"): "a .tflite file, which is compressed already",
    (0, b"PK"): "a zip file that is cut off or damaged",
}
FLOAT32 = "float32"


def check_archive(path: Path) -> None:
    """Refuse what is no model that can be compressed.

    Raises:
        UserError: names the file, what is wrong with it, and what to do.
    """
    config = _config(path)
    _check_class(config, path)
    _check_ends(config["config"], path)
    for part in archive_objects(config):
        _check_own(part, path)
        _check_precision(part, path)


def _config(path: Path) -> dict[str, Any]:
    """config.json of a whole .keras file."""
    if not path.is_file():
        raise UserError(f"{path}: {_no_file(path)}")
    try:
        with zipfile.ZipFile(path) as archive:
            _check_members(archive, path)
            config = json.loads(archive.read(CONFIG))
    except zipfile.BadZipFile:
        raise UserError(f"{path}: is {_kind(path)}; {SAVE}") from None
    except (ValueError, RecursionError, NotImplementedError, RuntimeError):
        raise UserError(f"{path}: its {CONFIG} is not readable; {SAVE}") from None
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        raise UserError(f"{path}: its {CONFIG} describes no Keras model; {SAVE}")
    return config


def _no_file(path: Path) -> str:
    if (path / "saved_model.pb").is_file():
        return f"is a SavedModel, which holds no layers any more; {SAVE}"
    if path.is_dir():
        return "is a folder; name a .keras file"
    return "no such file; name a .keras file"


def _check_members(archive: zipfile.ZipFile, path: Path) -> None:
    names = archive.namelist()
    if CONFIG not in names or not set(WEIGHTS) & set(names):
        held = ", ".join(names[:5]) or "nothing"
        raise UserError(
            f"{path}: is a zip file, but no Keras model: it holds {held}, and should "
            f"hold {CONFIG} and {WEIGHTS[0]}; {SAVE}"
        )
    if broken := archive.testzip():
        raise UserError(f"{path}: is damaged: {broken} is not as it was saved; {SAVE}")


def _kind(path: Path) -> str:
    with path.open("rb") as file:
        begin = file.read(16)
    if not begin:
        return "empty"
    told = (text for (at, sign), text in SIGNS.items() if begin[at:].startswith(sign))
    return next(told, "no Keras model")


def _check_class(config: dict[str, Any], path: Path) -> None:
    kind = config.get("class_name")
    if kind not in GRAPHS or not is_keras(config):
        raise UserError(
            f'{path}: is a model of the class "{kind}", which is not of Keras '
            "itself; build it as a functional or Sequential model: "
            "keras.Model(inputs, outputs)"
        )


def _check_ends(config: dict[str, Any], path: Path) -> None:
    """A Sequential model has no such keys: it has one input and one output."""
    ends = ("input_layers", "output_layers")
    several = [_count(config[end]) if end in config else 1 for end in ends]
    check_one_of_each(*several, str(path))


def check_one_of_each(inputs: int, outputs: int, path: str) -> None:
    """Refuse a model of several inputs or outputs."""
    if (inputs, outputs) != (1, 1):
        told = f"{_several(inputs, 'input')} and {_several(outputs, 'output')}"
        raise UserError(f"{path}: has {told}; a file is compressed for one of each")


def _several(count: int, what: str) -> str:
    return f"{count} {what}{'' if count == 1 else 's'}"


def _count(ends: Any) -> int:
    """How many `[layer, node, tensor]` there are, alone or in lists or a mapping."""
    if isinstance(ends, dict):
        ends = list(ends.values())
    if not isinstance(ends, list):
        return 0
    return 1 if ends and isinstance(ends[0], str) else sum(map(_count, ends))


def _check_own(part: ArchiveObject, path: Path) -> None:
    """Refuse code that is not Keras's own: it is not in the file."""
    if part.custom_code:
        raise UserError(
            f"{path}: {part.custom_code}; only what Keras itself has can be compressed: "
            "build the model from layers of keras.layers, such as Rescaling"
        )


def _check_precision(part: ArchiveObject, path: Path) -> None:
    policy = _policy(part.values.get("config"))
    if part.is_layer and part.kind != "InputLayer" and policy != FLOAT32:
        raise UserError(
            f'{path}: layer "{part.layer}" computes in {policy}; compression needs '
            f'{FLOAT32}: build the model with keras.config.set_dtype_policy("{FLOAT32}"'
            ") and load its weights"
        )


def _policy(config: Any) -> str:
    """The name of a layer's dtype policy; float32 where nothing is said."""
    held = config.get("dtype") if isinstance(config, dict) else None
    if isinstance(held, dict):
        inner = held.get("config") or {}
        held = inner.get("name") or inner.get("mode") or held.get("class_name")
    return str(held or FLOAT32)
