"""After a run: record what ran, if the experiment asks for it. Never fails a run.

A tracking server that is down, slow or refuses is a warning on standard error; the
next run records what is missing. It is asked from a process of its own, which is
ended when the server keeps it waiting.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pipeline.engine.process_environment import python_path
from pipeline.core.hashing import hash_value

if TYPE_CHECKING:
    from pipeline.experiment.schema import Experiment

PATIENCE = 300  # seconds for all uploads together; each answer has 5
CHILD = """
import json, sys
from pathlib import Path
from pipeline.tracking.mlflow import record_stages
address, folder, key, stages = json.load(sys.stdin)
record_stages(address, Path(folder), key, stages)
"""


def record(experiment: Experiment, folder: Path, stages: list[str]) -> str | None:
    """Record published stages; what went wrong in one line, or None."""
    address = experiment.tracking.mlflow
    there = [name for name in stages if (folder / name / "stage.json").is_file()]
    if address is None or not there:
        return None
    values = experiment.model_dump(mode="json")
    key = hash_value({k: v for k, v in values.items() if k != "tracking"})
    told = json.dumps([address, str(folder.resolve()), key, there])
    command = [sys.executable, "-P", "-c", CHILD]
    try:
        done = subprocess.run(
            command,
            input=told,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            env={**os.environ, "PYTHONPATH": python_path(os.environ)},
        )
    except subprocess.TimeoutExpired:
        return _warning(address, f"no end after {PATIENCE} s")
    if done.returncode == 0:
        return None
    return _warning(address, _reason(done.stderr))


def _warning(address: str, reason: str) -> str:
    told = (
        f"warning: {address}: not recorded ({reason}); the run is complete, and the "
        "next one records it"
    )
    secret, at, _ = urlsplit(address).netloc.rpartition("@")
    return told.replace(secret + at, "") if at else told


def _reason(text: str) -> str:
    """The last line of a traceback, in a readable length."""
    lines = [line for line in text.strip().splitlines() if line.strip()]
    last = lines[-1] if lines else "no reason given"
    if "No module named 'mlflow'" in last:
        return "MLflow is not installed: pip install mlflow-skinny"
    if "timed out" in text or "Timeout" in last:
        return "no answer within 5 s"
    return last[:200]
