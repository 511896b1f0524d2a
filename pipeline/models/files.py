"""Reading and writing .keras files, with equal bytes for equal models.

Keras writes the time, zip times and Python object ids into a .keras file. They are
replaced after saving, so that the file depends on the model alone.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import keras

from pipeline.core.quoting import shown
from pipeline.core.regular_file import is_regular
from pipeline.models.errors import ModelError
from pipeline.models.keras_archive import archive_objects
from pipeline.models.keras_defaults import restore_keras_defaults
from pipeline.models.user_objects import register_announced

EPOCH = (1980, 1, 1, 0, 0, 0)  # the earliest time that a zip file can hold


def save_model(model: keras.Model, path: Path) -> None:
    """Write a .keras file with reproducible bytes.

    Args:
        model: any Keras model.
        path: ends in `.keras`; an existing file is overwritten.
    """
    restore_keras_defaults()
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in sorted(archive.namelist())}
    members["config.json"] = _stable_config(members["config.json"])
    members["metadata.json"] = _stable_metadata(members["metadata.json"])
    path.write_bytes(_zip(members))


def load_model(path: Path) -> keras.Model:
    """Read a .keras file without running any code stored in it.

    Classes of the experiment's own modules are available.

    Args:
        path: of the file.

    Returns:
        The model, uncompiled.

    Raises:
        ModelError: if the file is missing or damaged, or needs custom code; names
            the layer and its class.
    """
    restore_keras_defaults()
    if not is_regular(path):
        raise ModelError(f"{path.absolute()}: there is no such file")
    try:
        register_announced()
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # HDF5, zip, JSON and Keras raise what they meet
        reason = _reason(path) or (str(error).strip() or type(error).__name__)
        raise ModelError(
            f"{path.absolute()}: not readable as a Keras model: "
            f"{shown(reason.splitlines()[0], 300)}"
        ) from None


def _reason(path: Path) -> str:
    """Explain why Keras cannot read a file; empty if Keras's own message is better."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except Exception:  # of a damaged file
        return 'not a complete .keras file; write it with model.save("NAME.keras")'
    try:
        custom = [item.custom_code for item in archive_objects(config)]
    except Exception:  # of another shape
        return "its config.json does not describe a Keras model"
    first = next(filter(None, custom), "")
    return f"{first}; build the model from Keras's own layers only" if first else ""


def _stable_metadata(text: bytes) -> bytes:
    values = json.loads(text)
    values["date_saved"] = "1980-01-01@00:00:00"
    return json.dumps(values, sort_keys=True).encode()


def _stable_config(text: bytes) -> bytes:
    numbers: dict[int, int] = {}
    return json.dumps(_renumber(json.loads(text), numbers), sort_keys=True).encode()


def _renumber(value: Any, numbers: dict[int, int]) -> Any:
    """Replace Python object ids by their order of appearance."""
    if isinstance(value, list):
        return [_renumber(item, numbers) for item in value]
    if not isinstance(value, dict):
        return value
    renumbered = {key: _renumber(value[key], numbers) for key in value}
    if isinstance(shared := value.get("shared_object_id"), int):
        renumbered["shared_object_id"] = numbers.setdefault(shared, len(numbers) + 1)
    return renumbered


def _zip(members: dict[str, bytes]) -> bytes:
    memory = io.BytesIO()
    with zipfile.ZipFile(memory, "w", zipfile.ZIP_STORED) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, EPOCH), content)
    return memory.getvalue()
