"""Precision of a .keras file: models of 16-bit numbers are read as float32.

In: the configuration of a file. Out: the policy that its layers compute in, or a
UserError; a copy of the file whose layers compute in float32, with the same weights.
Every float16 and bfloat16 number is a float32 number, so no weight changes; outputs
differ by the rounding that float32 leaves out.
"""

from __future__ import annotations

import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.quoting import shown
from pipeline.models.keras_archive import ArchiveObject, archive_objects

CONFIG, FLOAT32 = "config.json", "float32"
NARROW = ("float16", "bfloat16", "mixed_float16", "mixed_bfloat16")
POLICIES = ("DTypePolicy", "FloatDTypePolicy")
WIDE_POLICY = {
    "module": "keras",
    "class_name": "DTypePolicy",
    "config": {"name": FLOAT32},
    "registered_name": None,
}


def check_precision(item: ArchiveObject, path: Path) -> None:
    """Refuse a layer that neither computes in float32 nor can be widened to it.

    Args:
        item: an object of a model.
        path: its file, for the error.

    Raises:
        UserError: names the layer and its policy.
    """
    policy = _policy(item.values.get("config"))
    if _computes(item) and policy not in (FLOAT32, *NARROW):
        raise UserError(
            f'{path}: layer "{shown(item.layer)}" computes in {shown(policy)}; '
            f"compression needs {FLOAT32}, float16 or bfloat16: build the model with "
            f'keras.config.set_dtype_policy("{FLOAT32}") and load its weights'
        )


def narrow_policy(path: Path) -> str:
    """Return the policy of the first layer that is not float32; empty if all are.

    Args:
        path: a file that `check_archive` accepts; others than .keras are float32.
    """
    if not zipfile.is_zipfile(path):
        return ""
    items = archive_objects(_config(path))
    policies = (_policy(i.values.get("config")) for i in items if _computes(i))
    return next((policy for policy in policies if policy in NARROW), "")


def widen(path: Path, copy: Path) -> None:
    """Write a copy of a file whose layers store and compute float32.

    Args:
        path: a .keras file.
        copy: is written.
    """
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(copy, "w") as wide:
        for name in archive.namelist():
            content = archive.read(name)
            if name == CONFIG:
                content = json.dumps(_widened(json.loads(content))).encode()
            wide.writestr(name, content)


def note(path: Path) -> Iterator[str]:
    """Yield the sentence that says that a model was widened, if it was.

    Args:
        path: a file that `check_archive` accepts.
    """
    if policy := narrow_policy(path):
        yield (
            f"{path.name} computes in {policy}; it is compressed, and files are "
            f"compared with it, in {FLOAT32}"
        )


def _config(path: Path) -> dict[str, Any]:
    with zipfile.ZipFile(path) as archive:
        return dict(json.loads(archive.read(CONFIG)))


def _computes(item: ArchiveObject) -> bool:
    return item.is_layer and item.kind != "InputLayer"


def _policy(config: Any) -> str:
    """Return the name of a layer's dtype policy, float32 by default."""
    policy = config.get("dtype") if isinstance(config, dict) else None
    if isinstance(policy, dict):
        inner = policy.get("config") or {}
        policy = inner.get("name") or inner.get("mode") or policy.get("class_name")
    return str(policy or FLOAT32)


def _widened(value: Any) -> Any:
    """Replace every policy and dtype of 16 bits in a configuration."""
    if isinstance(value, list):
        return [_widened(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in POLICIES and _policy({"dtype": value}) in NARROW:
        return WIDE_POLICY
    return {
        key: FLOAT32 if key == "dtype" and item in NARROW else _widened(item)
        for key, item in value.items()
    }
