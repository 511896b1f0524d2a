"""Reading and writing .keras files, with equal bytes for equal models.

Keras writes the time, zip times and Python object ids into a .keras file. Here
they are replaced after saving, so that a file is a function of the model alone.
"""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import keras

from pipeline.models import defaults  # noqa: F401  sets Keras before any model
from pipeline.models.mistakes import Mistake
from pipeline.models.parts import parts

EPOCH = (1980, 1, 1, 0, 0, 0)  # the first moment that a zip file can name


def save_model(model: keras.Model, path: Path) -> None:
    """Write a .keras file with stable bytes."""
    model.save(path)
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in sorted(archive.namelist())}
    members["config.json"] = _stable_config(members["config.json"])
    members["metadata.json"] = _stable_metadata(members["metadata.json"])
    path.write_bytes(_zip(members))


def load_model(path: Path) -> keras.Model:
    """Read a .keras file, uncompiled, without running code that it may carry.

    Raises:
        Mistake: when it is missing or damaged, or has code of its own; names the
            layer and its class.
    """
    if not path.is_file():
        raise Mistake(f"{path.absolute()}: there is no such file")
    try:
        return keras.models.load_model(path, compile=False, safe_mode=True)
    except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile) as error:
        reason = _why(path) or (str(error).strip() or type(error).__name__)
        raise Mistake(
            f"{path.absolute()}: not readable as a Keras model: "
            f"{reason.splitlines()[0]}"
        ) from None


def _why(path: Path) -> str:
    """Why Keras cannot read a file, in words for a user; empty where it knows best."""
    try:
        with zipfile.ZipFile(path) as archive:
            config = json.loads(archive.read("config.json"))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile):
        return 'it is no whole .keras file, as model.save("NAME.keras") makes one'
    if not isinstance(config, dict) or not isinstance(config.get("config"), dict):
        return "its config.json describes no Keras model"
    foreign = next((part.foreign for part in parts(config) if part.foreign), "")
    return f"{foreign}; save it with what Keras itself has" if foreign else ""


def _stable_metadata(text: bytes) -> bytes:
    values = json.loads(text)
    values["date_saved"] = "1980-01-01@00:00:00"
    return json.dumps(values, sort_keys=True).encode()


def _stable_config(text: bytes) -> bytes:
    numbers: dict[int, int] = {}
    return json.dumps(_renumber(json.loads(text), numbers), sort_keys=True).encode()


def _renumber(value: Any, numbers: dict[int, int]) -> Any:
    """Replace Python object ids by the order in which they appear."""
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
