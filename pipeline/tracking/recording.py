"""Record a finished run on the tracking server that the experiment names.

A run never fails because of it: a server that is down, slow or refuses is a warning,
and the next run records what is missing. The client runs in a separate process, which
is killed when the server keeps it waiting.

In: an experiment and the names of its stages. Out: a warning, or None.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from pipeline.core.hashing import hash_value
from pipeline.engine.process_environment import python_path


class TrackedExperiment(Protocol):
    """An experiment as the schema describes it."""

    @property
    def tracking(self) -> Any:
        """The section `tracking`."""

    def model_dump(self, *, mode: str) -> dict[str, Any]:
        """Return all values."""


TIMEOUT = 300  # seconds for all uploads together; each request has 5
PROGRAM = """
import json, sys
from pathlib import Path
from pipeline.tracking.mlflow_client import record_stages
address, folder, key, stages = json.load(sys.stdin)
record_stages(address, Path(folder), key, stages)
"""


def record_run(
    experiment: TrackedExperiment, folder: Path, stages: list[str]
) -> str | None:
    """Record published stages on the MLflow server of an experiment.

    Args:
        experiment: without `tracking.mlflow`, nothing is recorded.
        folder: of the experiment.
        stages: names; those that are not published are left out.

    Returns:
        A warning in one line; None if everything was recorded.
    """
    address = experiment.tracking.mlflow
    published = [name for name in stages if (folder / name / "stage.json").is_file()]
    if address is None or not published:
        return None
    request = [address, str(folder.resolve()), _key(experiment), published]
    reason = _run_client(json.dumps(request))
    return _warning(address, reason) if reason else None


def _key(experiment: TrackedExperiment) -> str:
    """A hash of the configuration, which identifies the parent run."""
    values = experiment.model_dump(mode="json")
    return hash_value({k: v for k, v in values.items() if k != "tracking"})


def _run_client(request: str) -> str | None:
    """Run the client in a process; the reason if it fails."""
    command = [sys.executable, "-P", "-c", PROGRAM]
    try:
        done = subprocess.run(
            command,
            input=request,
            capture_output=True,
            text=True,
            timeout=TIMEOUT,
            env={**os.environ, "PYTHONPATH": python_path(os.environ)},
        )
    except subprocess.TimeoutExpired:
        return f"not finished after {TIMEOUT} s"
    return _reason(done.stderr) if done.returncode else None


def _warning(address: str, reason: str) -> str:
    text = (
        f"warning: {address}: not recorded ({reason}); the run is complete, and the "
        "next run records it"
    )
    credentials, separator, _ = urlsplit(address).netloc.rpartition("@")
    return text.replace(credentials + separator, "") if separator else text


def _reason(traceback: str) -> str:
    """The last line of a traceback, in a readable length."""
    lines = [line for line in traceback.strip().splitlines() if line.strip()]
    last = lines[-1] if lines else "no reason reported"
    if "No module named 'mlflow'" in last:
        return "MLflow is not installed: pip install mlflow-skinny"
    if "timed out" in traceback or "Timeout" in last:
        return "no answer within 5 s"
    return last[:200]
