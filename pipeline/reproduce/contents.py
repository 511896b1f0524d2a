"""What is inside an artifact: named tensors, numbers and texts.

    .npy .npz .keras .tflite   their arrays by name
    .json                      its values by dotted key
    .csv                       its columns by name

`compare` says in one line which of them differs most between two files. Nothing
here runs code that a file may carry: pickles are refused, configs stay text.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pipeline.engine.fingerprint import flatten, show
from pipeline.core.hashing import hash_value

if TYPE_CHECKING:
    import numpy as np

LOCKED = (".csv", ".keras", ".npz", ".tflite")  # whose tensors a lock tells apart
SHORT = 16


@dataclass(frozen=True)
class Difference:
    """One tensor that differs; `size` is the largest difference, where there is one."""

    name: str
    text: str
    size: float = 0.0

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


def locked(name: str) -> bool:
    """Whether a lock holds the hashes of this file's tensors."""
    return name.endswith(LOCKED)


def digests(path: Path) -> dict[str, str]:
    """Tensor -> short hash of its dtype, shape and bytes; a config as a whole."""
    found = {name: _digest(array) for name, array in read(path).items()}
    config = [f"{name} {found.pop(name)}" for name in sorted(found) if _config(name)]
    return {**found, **({"config": hash_value(config)[:SHORT]} if config else {})}


def changed(path: Path, known: dict[str, str]) -> list[str]:
    """Which tensors are not as a lock says; or that the file cannot be read."""
    try:
        now = digests(path)
    except Exception as error:  # a damaged file of any format differs as a whole
        return [f"not readable: {_first_line(error)}"]
    names = [n for n in sorted({*now, *known}) if now.get(n) != known.get(n)]
    return [f"{name} changed" for name in names]


def compare(before: Path, after: Path) -> list[Difference]:
    """What differs inside two files, the largest difference first.

    Empty when the kind of file cannot be looked into, or only its wrapping differs.
    """
    try:
        old, new = read(before), read(after)
    except Exception as error:  # a damaged file of any format differs as a whole
        return [Difference(after.name, f"not readable: {_first_line(error)}")]
    return between(old, new)


def between(old: dict[str, Any], new: dict[str, Any]) -> list[Difference]:
    """What differs between arrays of two files, the largest difference first."""
    found = [_difference(n, old.get(n), new.get(n)) for n in sorted({*old, *new})]
    return sorted(filter(None, found), key=_weights_first)


def numbers(values: Any) -> dict[str, Any]:
    """The values of a JSON document, by dotted key."""
    return _values(flatten(_indexed(values), ""))


def read(path: Path) -> dict[str, Any]:
    """Name -> array, of every tensor in a file; empty for other kinds of file."""
    reader = READERS.get(path.suffix)
    return reader(path.read_bytes()) if reader else {}


def _npy(content: bytes) -> dict[str, Any]:
    import numpy as np

    return {"array": np.load(io.BytesIO(content), allow_pickle=False)}


def _npz(content: bytes) -> dict[str, Any]:
    import numpy as np

    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def _keras(content: bytes) -> dict[str, Any]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        config = json.loads(archive.read("config.json"))
        weights = _h5(archive.read("model.weights.h5"))
    return {**weights, **_values(flatten(config, "config"))}


def _h5(content: bytes) -> dict[str, Any]:
    import h5py

    found: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            found[name] = item[()]

    with h5py.File(io.BytesIO(content), "r") as file:
        file.visititems(visit)
    return found


def _tflite(content: bytes) -> dict[str, Any]:
    from pipeline.compress.tflite.inspect import stored_tensors

    return stored_tensors(content)


def _json(content: bytes) -> dict[str, Any]:
    return numbers(json.loads(content))


def _csv(content: bytes) -> dict[str, Any]:
    rows = list(csv.DictReader(io.StringIO(content.decode())))
    names = rows[0] if rows else {}
    return _values({name: [_number(row[name]) for row in rows] for name in names})


READERS: dict[str, Callable[[bytes], dict[str, Any]]] = {
    ".npy": _npy,
    ".npz": _npz,
    ".keras": _keras,
    ".tflite": _tflite,
    ".json": _json,
    ".csv": _csv,
}


def _indexed(value: Any) -> Any:
    """Lists as dictionaries, so that each of their items has a key."""
    if isinstance(value, dict):
        return {key: _indexed(item) for key, item in value.items()}
    if isinstance(value, list):
        return {str(at): _indexed(item) for at, item in enumerate(value)}
    return value


def _values(flat: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    return {
        key.strip("."): np.asarray(value if _numeric(value) else str(value))
        for key, value in flat.items()
    }


def _numeric(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(each, int | float) for each in values)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def _digest(array: np.ndarray) -> str:
    kind = f"{array.dtype} {array.shape}\n".encode()
    return hashlib.sha256(kind + array.tobytes()).hexdigest()[:SHORT]


def _difference(name: str, old: Any, new: Any) -> Difference | None:
    import numpy as np

    if old is None or new is None:
        return Difference(name, "is new" if old is None else "is gone")
    if (old.dtype, old.shape) != (new.dtype, new.shape):
        return _other_form(name, old, new)
    if old.tobytes() == new.tobytes():
        return None
    unequal = np.count_nonzero(old != new)
    if old.dtype.kind not in "biufc":
        return _other_form(name, old, new)
    gap = np.abs(np.subtract(new, old, dtype=np.float64)).max()
    of = f"{unequal} of {old.size} values, " if old.size > 1 else ""
    return Difference(name, f"{of}largest difference {gap:.3g}", float(gap))


def _other_form(name: str, old: Any, new: Any) -> Difference:
    if old.size == new.size == 1:
        return Difference(name, f"{show(old.item())} -> {show(new.item())}")
    if old.dtype.kind == new.dtype.kind == "U" and old.shape == new.shape:
        return Difference(name, f"{(old != new).sum()} of {old.size} texts")
    return Difference(
        name, f"{old.dtype} {old.shape} -> {new.dtype} {new.shape}".replace(",)", ")")
    )


def _weights_first(each: Difference) -> tuple[bool, float]:
    """The largest difference first; a config's numbers after all weights."""
    return _config(each.name), -each.size


def _config(name: str) -> bool:
    return name.startswith("config.")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
