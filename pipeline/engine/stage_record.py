"""stage.json: the record of a published stage.

It holds the fingerprint, the parts that the fingerprint is computed from, and the
hash of every output. It contains no time and no host: equal results have equal
records.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_folder, hash_value
from pipeline.core.json_io import read_checked, write_json
from pipeline.engine.stage import Stage

Parts = dict[str, Any]
Hashes = dict[str, str | None]


class PartsSchema(BaseModel):
    """Types of the parts of a fingerprint, as readers of a record rely on them."""

    params: dict[str, Any]
    settings: dict[str, Any]
    inputs: Hashes
    sources: Hashes
    code: dict[str, str]
    libraries: dict[str, str]


class RecordSchema(BaseModel):
    """Types of stage.json."""

    fingerprint: str
    parts: PartsSchema
    outputs: dict[str, str]


def fingerprint(parts: Parts) -> str:
    """Compute the key under which the result of a stage is valid.

    Args:
        parts: everything the result depends on, as `fingerprint.describe` returns it.

    Returns:
        64 hexadecimal digits.
    """
    return hash_value(parts)


def write_record(folder: Path, stage: Stage, parts: Parts) -> None:
    """Write stage.json, the last file of a stage.

    Args:
        folder: the finished folder of the stage.
        stage: says which files are volatile and not hashed.
        parts: everything the result depends on.
    """
    record = {
        "fingerprint": fingerprint(parts),
        "parts": parts,
        "outputs": hash_folder(folder, stage.volatile_files),
    }
    write_json(folder / "stage.json", record)


def read_record(folder: Path) -> dict[str, Any]:
    """Read stage.json and verify its types and its fingerprint.

    Args:
        folder: the published folder of a stage.

    Returns:
        The record, with the keys `fingerprint`, `parts` and `outputs`.

    Raises:
        UserError: when the file is missing, unreadable or altered.
    """
    path = folder / "stage.json"
    record = read_checked(path, RecordSchema, "the record")
    if record["fingerprint"] != fingerprint(record["parts"]):
        raise UserError(f"{path}: the record was altered")
    return record


def content(folder: Path) -> str | None:
    """Hash the content that a stage published.

    Args:
        folder: the published folder of a stage.

    Returns:
        The hash of all recorded outputs, or None without a valid record.
    """
    try:
        return hash_value(read_record(folder)["outputs"])
    except UserError:
        return None


def recorded_sources(folder: Path) -> dict[str, str | None]:
    """Read the recorded hashes of files outside the stages.

    Args:
        folder: the published folder of a stage.

    Returns:
        Name of the source -> its hash; empty without a valid record.
    """
    try:
        sources: dict[str, str | None] = read_record(folder)["parts"].get("sources", {})
    except UserError:
        return {}
    return sources


def changed_inputs(folder: Path, stage: str) -> list[str]:
    """List the inputs of a stage that were published again since it read them.

    Args:
        folder: the folder of the experiment.
        stage: name of a published stage.

    Returns:
        Names of stages; empty without a valid record.
    """
    try:
        inputs = read_record(folder / stage)["parts"].get("inputs", {})
    except UserError:
        return []
    return [name for name, digest in inputs.items() if content(folder / name) != digest]
