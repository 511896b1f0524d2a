"""MLflow: one run per experiment and configuration, with a child run per stage.

In: the folder of an experiment, its name, and the address of a tracking server. The
run of a stage holds its parameters, metrics, learning curves and files; its fingerprint
identifies it, so that nothing is recorded twice. Needs the extra `mlflow` (the package
mlflow-skinny). Exceptions of the client are not caught here; see `recording`.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.tracking.published_stage import PublishedStage, read_stage

TIMEOUT = 5  # seconds until a server must have answered one request
KEY, STAGE = "pipeline.key", "pipeline.stage"  # tags
BATCH = 100  # parameters, and metrics, per request
MAX_LENGTH = 500  # characters of a parameter's value


def record_stages(
    address: str, experiment: Path, key: str, stages: Iterable[str]
) -> list[str]:
    """Record published stages that the server does not have yet.

    Args:
        address: of the tracking server.
        experiment: folder of the experiment.
        key: a hash of the configuration, which identifies the parent run.
        stages: names of published stages.

    Returns:
        Names of the stages that were recorded now.
    """
    client = connect(address)
    experiment_id = _experiment_id(client, experiment.name)
    parent = _parent(client, experiment_id, experiment.name, key)
    recorded = []
    for name in stages:
        stage = read_stage(experiment / name)
        tags = {KEY: stage.fingerprint, STAGE: name}
        if _find(client, experiment_id, tags) is None:
            _record(client, experiment_id, parent, stage)
            recorded.append(name)
    return recorded


def connect(address: str) -> Any:
    """Create an MlflowClient whose requests fail after TIMEOUT instead of minutes."""
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(TIMEOUT)
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "false"
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=address)


def _experiment_id(client: Any, name: str) -> str:
    """The id of the MLflow experiment of that name, which is created if needed."""
    experiment = client.get_experiment_by_name(name)
    return experiment.experiment_id if experiment else client.create_experiment(name)


def _parent(client: Any, experiment_id: str, name: str, key: str) -> str:
    tags = {KEY: key, STAGE: "chain"}
    parent = _find(client, experiment_id, tags)
    if parent is None:
        run = client.create_run(experiment_id, tags=tags, run_name=name)
        client.set_terminated(run.info.run_id)
        return run.info.run_id
    return parent


def _find(client: Any, experiment_id: str, tags: dict[str, str]) -> str | None:
    """The id of the run with these tags."""
    condition = " and ".join(f"tags.`{name}` = '{tags[name]}'" for name in tags)
    runs = client.search_runs([experiment_id], filter_string=condition, max_results=1)
    return runs[0].info.run_id if runs else None


def _record(
    client: Any, experiment_id: str, parent: str, stage: PublishedStage
) -> None:
    """Create a child run; its key is set last, so that a partial one is not found."""
    start = round(1000 * stage.started)
    tags = {"mlflow.parentRunId": parent, STAGE: stage.name}
    created = client.create_run(experiment_id, start, tags, run_name=stage.name)
    run = created.info.run_id
    _log_values(client, run, start, stage)
    for path in stage.files:
        folder = path.parent.relative_to(stage.folder).as_posix()
        client.log_artifact(run, str(path), None if folder == "." else folder)
    client.set_tag(run, KEY, stage.fingerprint)
    client.set_terminated(run, end_time=start + round(1000 * stage.seconds))


def _log_values(client: Any, run: str, start: int, stage: PublishedStage) -> None:
    from mlflow.entities import Metric, Param

    params = [Param(name, text[:MAX_LENGTH]) for name, text in stage.params.items()]
    metrics = [Metric(_plain(k), v, start, 0) for k, v in stage.metrics.items()]
    for name, curve in stage.curves.items():
        metrics += [Metric(_plain(name), value, start, step) for step, value in curve]
    for first in range(0, max(len(metrics), len(params)), BATCH):
        last = first + BATCH
        client.log_batch(run, metrics[first:last], params[first:last])


def _plain(name: str) -> str:
    """Replace characters that MLflow refuses in a name: all but letters, `0-9_-. /`."""
    return re.sub(r"[^A-Za-z0-9_\-. /]", "_", name)
