"""MLflow: one run per experiment and configuration, and a child run per stage.

In: the folder of an experiment, its name and the address of a tracking server. The
run of a stage holds its parameters, metrics, learning curves and files; it is found
again by its fingerprint, so that nothing is recorded twice. Needs the extra `mlflow`
(the package mlflow-skinny). Raises whatever goes wrong; `record` tells of it.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from pipeline.tracking.facts import StageFacts, read_facts

SECONDS = 5  # that a server may take to answer
KEY, STAGE = "pipeline.key", "pipeline.stage"
MOST = 100  # parameters, and metrics, of one request
LONGEST = 500  # characters of a parameter's value


def record_stages(
    address: str, experiment: Path, key: str, stages: Iterable[str]
) -> list[str]:
    """Record stages that are published.

    Args:
        key: what the parent run is known by: a hash of the configuration.

    Returns:
        Names of the stages that were not there yet.
    """
    client = connect(address)
    place = _place(client, experiment.name)
    parent = _parent(client, place, experiment.name, key)
    recorded = []
    for name in stages:
        facts = read_facts(experiment / name)
        if _find(client, place, {KEY: facts.fingerprint, STAGE: name}) is None:
            _record(client, place, parent, facts)
            recorded.append(name)
    return recorded


def connect(address: str) -> Any:
    """A client that gives up after SECONDS instead of after minutes."""
    os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] = str(SECONDS)
    os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] = "0"
    os.environ["MLFLOW_ENABLE_PROXY_MULTIPART_UPLOAD"] = "false"
    from mlflow import MlflowClient

    return MlflowClient(tracking_uri=address)


def _place(client: Any, name: str) -> str:
    """The id of the MLflow experiment of that name."""
    found = client.get_experiment_by_name(name)
    return found.experiment_id if found else client.create_experiment(name)


def _parent(client: Any, place: str, name: str, key: str) -> str:
    tags = {KEY: key, STAGE: "chain"}
    found = _find(client, place, tags)
    if found is None:
        run = client.create_run(place, tags=tags, run_name=name)
        client.set_terminated(run.info.run_id)
        return run.info.run_id
    return found


def _find(client: Any, place: str, tags: dict[str, str]) -> str | None:
    """The id of the run with these tags."""
    wanted = " and ".join(f"tags.`{name}` = '{tags[name]}'" for name in tags)
    runs = client.search_runs([place], filter_string=wanted, max_results=1)
    return runs[0].info.run_id if runs else None


def _record(client: Any, place: str, parent: str, facts: StageFacts) -> None:
    """A child run; its fingerprint is written last, so that a half one is not found."""
    from mlflow.entities import Metric, Param

    begin = round(1000 * facts.began)
    tags = {"mlflow.parentRunId": parent, STAGE: facts.name}
    run = client.create_run(place, begin, tags, run_name=facts.name).info.run_id
    params = [Param(k, text[:LONGEST]) for k, text in facts.params.items()]
    metrics = [Metric(_plain(k), v, begin, 0) for k, v in facts.metrics.items()]
    for name, points in facts.series.items():
        metrics += [Metric(_plain(name), value, begin, step) for step, value in points]
    for at in range(0, max(len(metrics), len(params)), MOST):
        client.log_batch(run, metrics[at : at + MOST], params[at : at + MOST])
    for path in facts.files:
        inside = path.parent.relative_to(facts.folder).as_posix()
        client.log_artifact(run, str(path), None if inside == "." else inside)
    client.set_tag(run, KEY, facts.fingerprint)
    client.set_terminated(run, end_time=begin + round(1000 * facts.seconds))


def _plain(name: str) -> str:
    """A name that MLflow takes: letters, digits and `_-. /`."""
    return re.sub(r"[^A-Za-z0-9_\-. /]", "_", name)
