"""run.json: the facts of one run, which differ from run to run.

It holds times, host, environment and the hashes of volatile files. It is not part of
the content of a stage, but it is published: damage to it, or to a file that it lists,
is detected like any other damage.
"""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from pipeline.core.errors import UserError
from pipeline.core.hashing import hash_file, hash_value
from pipeline.core.json_io import read_checked, write_json
from pipeline.engine.hash_cache import content_hash
from pipeline.engine.stage import Job, Stage

SELF_VERIFIED = frozenset({"stage.json", "run.json"})  # hold a hash of themselves


class EnvironmentSchema(BaseModel):
    """Types of `environment` in run.json that readers rely on."""

    libraries: dict[str, str]


class VolatileSchema(BaseModel):
    """Types of `volatile` in run.json that the engine relies on."""

    exceeded: dict[str, float] = {}


class RunSchema(BaseModel):
    """Types of run.json that readers rely on."""

    digest: str
    files: dict[str, str]
    started: str
    seconds: float
    environment: EnvironmentSchema | None = None
    git: dict[str, Any] | None = None
    volatile: VolatileSchema = VolatileSchema()
    volatile_inputs: dict[str, str] = {}


def host_facts(begin: float) -> dict[str, Any]:
    """Collect when and where a run took place.

    Args:
        begin: start of the run, in seconds since 1970.

    Returns:
        Start in UTC, duration in seconds, and the names of host and system.
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
    """Write run.json, with a hash of every volatile file and a digest of itself.

    Args:
        folder: the finished folder of the stage.
        stage: says which files are volatile.
        facts: the facts of the run, ready for JSON.
    """
    names = sorted(stage.volatile_files - SELF_VERIFIED)
    present = {name: folder / name for name in names if (folder / name).is_file()}
    files = {name: hash_file(path) for name, path in present.items()}
    document = {**facts, "files": files}
    write_json(folder / "run.json", {**document, "digest": hash_value(document)})


def read_run(folder: Path) -> dict[str, Any]:
    """Read run.json and verify its types and its digest.

    Args:
        folder: the published folder of a stage.

    Returns:
        The facts of the run, with `files` and `digest`.

    Raises:
        UserError: when the file is missing, unreadable or altered.
    """
    path = folder / "run.json"
    facts = read_checked(path, RunSchema)
    if facts["digest"] != _digest(facts):
        raise UserError(f"{path}: was altered")
    return facts


def _digest(facts: dict[str, Any]) -> str:
    return hash_value({key: facts[key] for key in facts if key != "digest"})


def verify_volatile(folder: Path) -> str:
    """Check the volatile files of a stage against run.json.

    Args:
        folder: the published folder of a stage.

    Returns:
        The first difference in words, such as `log.txt is missing`; empty if none.
    """
    try:
        files = read_run(folder)["files"]
    except UserError as error:
        return str(error)
    for name, digest in files.items():
        path = folder / name
        if not os.path.isfile(path):  # False for a name that no file system holds
            return f"{name} is missing"
        if content_hash(path) != digest:
            return f"{name} was altered"
    return ""


def volatile_inputs(job: Job, stage: Stage) -> dict[str, str]:
    """Collect the volatile facts that a stage copies into its output.

    These are the run.json of its inputs, the name of the experiment and the overrides
    of the command line: when one of them changes, the stage must run again.

    Args:
        job: the experiment.
        stage: one of its stages.

    Returns:
        Reason to run again -> value; empty for a stage that copies none.
    """
    if not stage.copies_volatile:
        return {}
    paths = {name: job.folder / name / "run.json" for name in stage.depends_on}
    runs = {
        f"input {name} ran again": hash_file(path)
        for name, path in paths.items()
        if path.is_file()
    }
    return {
        **runs,
        "the experiment was renamed": job.folder.resolve().name,
        "the command changed": " ".join(job.overrides),
    }
