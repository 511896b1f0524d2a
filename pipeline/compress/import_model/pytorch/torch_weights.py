"""Read weights of PyTorch, and give them to a module; no code of a file runs.

In: a .safetensors file, or a .pt or .pth file, of which only tensors are read unless
the user trusts its author. Out: the module with these weights, or `Refused`. It runs in
the Python that has PyTorch, so it imports nothing of this project.
"""

from __future__ import annotations

import json
import re
import struct
from pathlib import Path
from typing import Any

LISTED = 8  # names in an error
# Keys under which training scripts store the weights in a checkpoint.
WRAPPERS = ("state_dict", "model_state_dict", "model")
SAFE_DTYPES = {
    "F64": "float64",
    "F32": "float32",
    "F16": "float16",
    "BF16": "bfloat16",
    "I64": "int64",
    "I32": "int32",
    "I16": "int16",
    "I8": "int8",
    "U8": "uint8",
    "BOOL": "bool",
}


class Refused(Exception):
    """A model that cannot be traced; the message is for the user."""


def listed(names: Any) -> str:
    """Return the first names, and how many more there are.

    Args:
        names: an iterable; nothing in it is the text `nothing`.
    """
    names = list(names)
    rest = f", ... ({len(names) - LISTED} more)" if len(names) > LISTED else ""
    return ", ".join(map(str, names[:LISTED])) + rest or "nothing"


def reason(error: BaseException) -> str:
    """Return the class and the first line of an error.

    Args:
        error: of any library.
    """
    lines = str(error).strip().splitlines() or [""]
    return f"{type(error).__name__}: {lines[0]}".rstrip(": ")


def set_weights(
    torch: Any, model: Any, asked: dict[str, Any], notes: list[str]
) -> None:
    """Give a module the weights of a file.

    Args:
        torch: the module.
        model: the `torch.nn.Module`; it is changed.
        asked: `weights`, the path, and `trust`.
        notes: what the user should know is appended.

    Raises:
        Refused: names the weights that are missing, extra, or of another shape.
    """
    path = Path(asked["weights"])
    stored = _tensors(torch, path, asked["trust"])
    if stored and all(name.startswith("module.") for name in stored):
        stored = {name[7:]: tensor for name, tensor in stored.items()}
        notes.append("its weights were saved by DataParallel: without module.")
    wanted = model.state_dict()
    counters = {name for name in wanted if name.endswith("num_batches_tracked")}
    missing = [name for name in wanted if name not in stored and name not in counters]
    extra = [name for name in stored if name not in wanted]
    other = [
        f"{name} {tuple(stored[name].shape)} in place of {tuple(wanted[name].shape)}"
        for name in wanted
        if name in stored and stored[name].shape != wanted[name].shape
    ]
    lists = {"missing": missing, "not of the model": extra, "of another shape": other}
    faults = [f"{what}: {listed(names)}" for what, names in lists.items() if names]
    if faults:
        raise Refused(f"the weights {path} do not fit; {'; '.join(faults)}")
    model.load_state_dict(stored, strict=False)


def _tensors(torch: Any, path: Path, trust: bool) -> dict[str, Any]:
    """The weights of a file by their names."""
    if path.suffix == ".safetensors":
        stored: Any = _read_safetensors(torch, path)
    else:
        stored = _unpickled(torch, path, trust)
    if isinstance(stored, torch.nn.Module):  # only with --trust
        stored = stored.state_dict()
    for wrapper in WRAPPERS:
        inner = stored.get(wrapper) if isinstance(stored, dict) else None
        stored = inner if isinstance(inner, dict) else stored
    if not isinstance(stored, dict) or not all(
        isinstance(tensor, torch.Tensor) for tensor in stored.values()
    ):
        raise Refused(
            f"the weights {path} are not a state dict of tensors; save "
            "torch.save(model.state_dict(), FILE)"
        )
    return dict(stored)


def _unpickled(torch: Any, path: Path, trust: bool) -> Any:
    try:
        return torch.load(path, map_location="cpu", weights_only=not trust)
    except Exception as error:  # of a damaged file, or one that holds code
        found = re.search(r"GLOBAL (\S+)", str(error))
        if found and not trust:
            raise Refused(
                f"the weights {path} hold {found[1]}, and reading it could run code: "
                "save model.state_dict() alone; or, if you trust its author, --trust"
            ) from None
        raise Refused(
            f"the weights {path} cannot be read ({reason(error)[:200]}); save them "
            "again: torch.save(model.state_dict(), FILE)"
        ) from None


def _read_safetensors(torch: Any, path: Path) -> dict[str, Any]:
    """Read tensors: the length of the header, the header as JSON, then the numbers."""
    try:
        data = bytearray(path.read_bytes())
        (length,) = struct.unpack("<Q", data[:8])
        header = json.loads(bytes(data[8 : 8 + length]))
        header.pop("__metadata__", None)
        return {
            name: _one_tensor(torch, data, 8 + length, entry)
            for name, entry in header.items()
        }
    except (ValueError, KeyError, TypeError, AttributeError, struct.error) as error:
        raise Refused(
            f"the weights {path} are not a complete .safetensors file "
            f"({reason(error)[:200]}); save them again"
        ) from None


def _one_tensor(torch: Any, data: bytearray, start: int, entry: Any) -> Any:
    begin, end = entry["data_offsets"]
    dtype = getattr(torch, SAFE_DTYPES[entry["dtype"]])
    if not 0 <= begin <= end <= len(data) - start:
        raise ValueError("a tensor lies outside the file")
    if begin == end:
        return torch.zeros(entry["shape"], dtype=dtype)
    numbers = (end - begin) // dtype.itemsize
    flat = torch.frombuffer(data, dtype=dtype, count=numbers, offset=start + begin)
    return flat.reshape(entry["shape"]).clone()
