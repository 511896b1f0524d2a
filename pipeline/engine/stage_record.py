"""stage.json: what a published stage says of itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_folder, hash_value
from pipeline.core.json_io import read_json, write_json
from pipeline.engine.stage import Stage

Parts = dict[str, Any]
KEYS = {"fingerprint", "parts", "outputs"}


def fingerprint(parts: Parts) -> str:
    """The key under which a stage's result is valid."""
    return hash_value(parts)


def write_record(folder: Path, stage: Stage, parts: Parts) -> None:
    """Record what is in `folder`, and what it depends on; the last file of all."""
    record = {
        "fingerprint": fingerprint(parts),
        "parts": parts,
        "outputs": hash_folder(folder, stage.not_content),
    }
    write_json(folder / "stage.json", record)


def read_record(folder: Path) -> dict[str, Any]:
    """stage.json, checked for its shape and against its own fingerprint.

    Raises:
        UserError: when it is missing, unreadable or altered.
    """
    path = folder / "stage.json"
    record = read_json(path)
    whole = isinstance(record, dict) and KEYS <= set(record)
    if not whole or record["fingerprint"] != fingerprint(record["parts"]):
        raise UserError(f"{path}: the record was altered")
    return record


def content(folder: Path) -> str | None:
    """The hash of what a stage published; None where there is no whole record."""
    try:
        return hash_value(read_record(folder)["outputs"])
    except UserError:
        return None


def recorded_sources(folder: Path) -> dict[str, str | None]:
    """What the record says of files outside the experiment; empty without one."""
    try:
        return read_record(folder)["parts"].get("sources", {})
    except UserError:
        return {}


def changed_inputs(folder: Path, stage: str) -> list[str]:
    """Stages that were published anew since `stage` read them; none if unknown."""
    try:
        read = read_record(folder / stage)["parts"].get("inputs", {})
    except UserError:
        return []
    return [name for name, known in read.items() if content(folder / name) != known]
