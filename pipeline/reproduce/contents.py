"""The content of an artifact: named tensors, numbers and texts.

    .npy .npz .keras .tflite   arrays by name
    .json                      values by dotted key
    .csv                       columns by name

In: paths of two files, or a file and the hashes of its tensors. Out: the tensors that
differ, the largest difference first. No code inside a file is run: pickles are refused,
configs stay text.
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

from pipeline.core.hashing import hash_value
from pipeline.engine.fingerprint import flatten, show

if TYPE_CHECKING:
    import numpy as np

LOCKED = (".csv", ".keras", ".npz", ".tflite")  # a lock holds hashes of their tensors
SHORT = 16  # hexadecimal digits of a tensor's hash


@dataclass(frozen=True)
class TensorDifference:
    """One tensor that differs.

    Args:
        name: of the tensor, column or key.
        text: how it differs.
        size: the largest absolute difference; 0 for texts and other shapes.
    """

    name: str
    text: str
    size: float = 0.0

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


def has_locked_tensors(name: str) -> bool:
    """True if a lock holds the hashes of the tensors of this file."""
    return name.endswith(LOCKED)


def digests(path: Path) -> dict[str, str]:
    """Hash every tensor by dtype, shape and bytes; the config gets one hash."""
    hashes = {name: _digest(array) for name, array in read(path).items()}
    config = [
        f"{name} {hashes.pop(name)}" for name in sorted(hashes) if _is_config(name)
    ]
    return {**hashes, **({"config": hash_value(config)[:SHORT]} if config else {})}


def changed(path: Path, recorded: dict[str, str]) -> list[str]:
    """List the tensors that differ from their recorded hashes.

    Args:
        path: a file; one that cannot be read is the only entry of the result.
        recorded: tensor -> hash, as `digests` gives them.
    """
    try:
        current = digests(path)
    except Exception as error:  # a damaged file of any format differs as a whole
        return [f"not readable: {_first_line(error)}"]
    names = sorted({*current, *recorded})
    return [f"{n} changed" for n in names if current.get(n) != recorded.get(n)]


def compare(before: Path, after: Path) -> list[TensorDifference]:
    """List the tensors that differ between two files, the largest difference first.

    Empty if the format is not supported, or only the container differs.
    """
    try:
        old, new = read(before), read(after)
    except Exception as error:  # a damaged file of any format differs as a whole
        return [TensorDifference(after.name, f"not readable: {_first_line(error)}")]
    return between(old, new)


def between(old: dict[str, Any], new: dict[str, Any]) -> list[TensorDifference]:
    """List the arrays that differ, the largest difference first.

    Args:
        old: name -> array.
        new: likewise.
    """
    listed = [_difference(n, old.get(n), new.get(n)) for n in sorted({*old, *new})]
    return sorted(filter(None, listed), key=_weights_first)


def numbers(values: Any) -> dict[str, Any]:
    """The values of a JSON document as arrays, by dotted key."""
    return _values(flatten(index_lists(values), ""))


def index_lists(value: Any) -> Any:
    """Turn lists into dictionaries, so that each of their elements has a key."""
    if isinstance(value, dict):
        return {key: index_lists(item) for key, item in value.items()}
    if isinstance(value, list):
        return {str(index): index_lists(item) for index, item in enumerate(value)}
    return value


def read(path: Path) -> dict[str, Any]:
    """Read every tensor of a file by name; empty for formats without a reader."""
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

    arrays: dict[str, Any] = {}

    def visit(name: str, item: Any) -> None:
        if isinstance(item, h5py.Dataset):
            arrays[name] = item[()]

    with h5py.File(io.BytesIO(content), "r") as file:
        file.visititems(visit)
    return arrays


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


def _values(flat: dict[str, Any]) -> dict[str, Any]:
    import numpy as np

    return {
        key.strip("."): np.asarray(value if _numeric(value) else str(value))
        for key, value in flat.items()
    }


def _numeric(value: Any) -> bool:
    values = value if isinstance(value, list) else [value]
    return all(isinstance(item, int | float) for item in values)


def _number(text: str) -> float | str:
    try:
        return float(text)
    except (TypeError, ValueError):
        return text


def _digest(array: np.ndarray) -> str:
    kind = f"{array.dtype} {array.shape}\n".encode()
    return hashlib.sha256(kind + array.tobytes()).hexdigest()[:SHORT]


def _difference(name: str, old: Any, new: Any) -> TensorDifference | None:
    import numpy as np

    if old is None or new is None:
        return TensorDifference(name, "is new" if old is None else "was removed")
    if (old.dtype, old.shape) != (new.dtype, new.shape):
        return _other_type(name, old, new)
    if old.tobytes() == new.tobytes():
        return None
    unequal = np.count_nonzero(old != new)
    if old.dtype.kind not in "biufc":
        return _other_type(name, old, new)
    gap = np.abs(np.subtract(new, old, dtype=np.float64)).max()
    of = f"{unequal} of {old.size} values, " if old.size > 1 else ""
    return TensorDifference(name, f"{of}largest difference {gap:.3g}", float(gap))


def _other_type(name: str, old: Any, new: Any) -> TensorDifference:
    if old.size == new.size == 1:
        return TensorDifference(name, f"{show(old.item())} -> {show(new.item())}")
    if old.dtype.kind == new.dtype.kind == "U" and old.shape == new.shape:
        return TensorDifference(name, f"{(old != new).sum()} of {old.size} texts")
    return TensorDifference(
        name, f"{old.dtype} {old.shape} -> {new.dtype} {new.shape}".replace(",)", ")")
    )


def _weights_first(difference: TensorDifference) -> tuple[bool, float]:
    """Sort key: the largest difference first, numbers of the config after weights."""
    return _is_config(difference.name), -difference.size


def _is_config(name: str) -> bool:
    return name.startswith("config.")


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
