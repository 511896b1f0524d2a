"""run.json: what differs from run to run: times, host, and hashes of such files.

It is no part of a stage's content, but it is published, so damage to it, or to any
file that it answers for, is noticed like any other damage.
"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file, hash_value
from pipeline.core.json_io import read_json, write_json
from pipeline.engine.stage import Job, Stage

APART = frozenset({"stage.json", "run.json"})  # each answers for itself


def host_facts(begin: float) -> dict[str, Any]:
    """When and where a run took place.

    Args:
        begin: its start, in seconds since 1970.
    """
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(begin)),
        "seconds": round(time.time() - begin, 3),
        "host": platform.node(),
        "machine": platform.machine(),
        "processors": os.cpu_count(),
        "system": platform.platform(),
        "python": platform.python_version(),
    }


def write_run(folder: Path, stage: Stage, facts: dict[str, Any]) -> None:
    """Write run.json, with a hash of every volatile file and of itself."""
    names = sorted(stage.not_content - APART)
    present = {name: folder / name for name in names if (folder / name).is_file()}
    files = {name: hash_file(path) for name, path in present.items()}
    whole = {**facts, "files": files}
    write_json(folder / "run.json", {**whole, "digest": hash_value(whole)})


def read_run(folder: Path) -> dict[str, Any]:
    """run.json, checked against its own digest.

    Raises:
        UserError: when it is missing, unreadable or altered.
    """
    path = folder / "run.json"
    facts = read_json(path)
    kept = isinstance(facts, dict) and {k: facts[k] for k in facts if k != "digest"}
    if not kept or facts.get("digest") != hash_value(kept):
        raise UserError(f"{path}: was altered")
    return facts


def hurt_volatile(folder: Path) -> str:
    """Which volatile file is not as it was published; empty when all are."""
    try:
        files = read_run(folder)["files"]
    except UserError as error:
        return str(error)
    for name, digest in files.items():
        path = folder / name
        if not path.is_file():
            return f"{name} is missing"
        if hash_file(path) != digest:
            return f"{name} was altered"
    return ""


def retold(job: Job, stage: Stage) -> dict[str, str]:
    """What a stage repeats although it is volatile: reason -> value.

    That is its inputs' run.json, the experiment's name, and the overrides.
    """
    if not stage.retells:
        return {}
    paths = {name: job.folder / name / "run.json" for name in stage.needs}
    found = {name: path for name, path in paths.items() if path.is_file()}
    runs = {f"input {name} ran again": hash_file(at) for name, at in found.items()}
    name = job.folder.resolve().name
    return {
        **runs,
        "the experiment was renamed": name,
        "the command changed": " ".join(job.overrides),
    }
