"""Against a real MLflow server on loopback with its SQLite store, and without one."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request

import pytest

from pipeline.experiment.schema import Experiment
from pipeline.tracking import recording
from pipeline.tracking.recording import record_run

SERVER = os.environ.get("PIPELINE_MLFLOW") or shutil.which("mlflow")


def _experiment(address: str | None) -> Experiment:
    values = {"data": {"source": "sklearn:digits"}, "tracking": {"mlflow": address}}
    return Experiment.model_validate(values)


@pytest.fixture
def client_installed():
    pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """The address of a running server."""
    pytest.importorskip("mlflow", reason="mlflow-skinny is not installed")
    if not _serves():
        pytest.skip("no MLflow server: install mlflow, or name it in PIPELINE_MLFLOW")
    folder = tmp_path_factory.mktemp("mlflow")
    port = _free_port()
    command = [SERVER, "server", "--host", "127.0.0.1", "--port", str(port)]
    command += ["--backend-store-uri", f"sqlite:///{folder}/store.db", "--workers", "1"]
    command += ["--artifacts-destination", str(folder / "artifacts")]
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    log = (folder / "log.txt").open("w")
    process = subprocess.Popen(
        command,
        cwd=folder,
        env=environment,
        stdout=log,
        stderr=log,
        start_new_session=True,
    )
    try:
        yield _wait(f"http://127.0.0.1:{port}", process, folder / "log.txt")
    finally:
        os.killpg(process.pid, signal.SIGKILL)  # it keeps nothing that we need
        process.wait(60)
        log.close()


def _serves() -> bool:
    """mlflow-skinny has the command too, without what a server needs."""
    if not SERVER or not os.path.exists(SERVER):
        return False
    python = os.path.join(os.path.dirname(SERVER), "python")
    code = "import flask, sqlalchemy, alembic, mlflow"
    return subprocess.run([python, "-c", code], capture_output=True).returncode == 0


def _wait(address: str, process: subprocess.Popen, log) -> str:
    end = time.monotonic() + 300  # its imports are slow on a busy machine
    while time.monotonic() < end:
        if process.poll() is not None:
            raise AssertionError(log.read_text())
        try:
            urllib.request.urlopen(f"{address}/health", timeout=2)
            return address
        except OSError:
            time.sleep(0.5)
    pytest.skip("the MLflow server did not answer within five minutes")


def _free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def _recorded(asked: Experiment, folder, stages: list[str]) -> None:
    """On a busy machine an answer may take more than 5 s: the next run mends that."""
    told = [record_run(asked, folder, stages)]
    while told[-1] and len(told) < 6:
        told.append(record_run(asked, folder, stages))
    assert told[-1] is None, told


@pytest.mark.slow
def test_a_parent_with_a_child_per_stage_is_recorded_once(
    server, experiment, make_stage
):
    from mlflow import MlflowClient

    asked = _experiment(server)
    _recorded(asked, experiment, ["tune"])
    _recorded(asked, experiment, ["tune", "train"])
    client = MlflowClient(tracking_uri=server)
    place = client.get_experiment_by_name("toy").experiment_id
    found = [r for r in client.search_runs([place]) if "pipeline.key" in r.data.tags]
    runs = {run.data.tags["pipeline.stage"]: run for run in found}
    assert sorted(runs) == ["chain", "train", "tune"] and len(found) == 3
    parent = runs["chain"].info.run_id
    child = runs["train"]
    assert child.data.tags["mlflow.parentRunId"] == parent
    assert child.info.status == "FINISHED"
    assert child.data.params["train.epochs"] == "3"
    assert len(child.data.params["train.long"]) == 500
    assert child.data.metrics["best.a _ b ___"] == 0.5
    history = client.get_metric_history(child.info.run_id, "loss")
    assert [(one.step, one.value) for one in history] == [(1, 2.5), (2, 1.25)]
    files = {one.path for one in client.list_artifacts(child.info.run_id)}
    assert {"curves.png", "variants", "stage.json"} <= files
    assert "train_x.npy" not in files
    (model,) = client.list_artifacts(child.info.run_id, "variants")
    assert model.path == "variants/one.tflite"
    shutil.rmtree(experiment / "train")
    make_stage(experiment, "train", number=0.75)
    _recorded(asked, experiment, ["train"])
    found = [r for r in client.search_runs([place]) if "pipeline.key" in r.data.tags]
    assert len(found) == 4


def test_without_an_address_nothing_is_asked(experiment):
    assert record_run(_experiment(None), experiment, ["train"]) is None


def test_a_server_that_is_not_there_is_a_warning(client_installed, experiment):
    address = f"http://me:secret@127.0.0.1:{_free_port()}"
    told = record_run(_experiment(address), experiment, ["train"])
    assert told.startswith("warning: http://127.0.0.1:") and "not recorded" in told
    assert "secret" not in told


@pytest.mark.slow
def test_a_server_that_hangs_is_a_warning_after_five_seconds(
    client_installed, experiment
):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        begin = time.monotonic()
        address = f"http://127.0.0.1:{silent.getsockname()[1]}"
        told = record_run(_experiment(address), experiment, ["train"])
        seconds = time.monotonic() - begin
    assert "no answer within 5 s" in told
    assert 5 <= seconds < 30


def test_a_server_that_never_ends_its_answer_is_given_up(
    client_installed, experiment, monkeypatch
):
    monkeypatch.setattr(recording, "TIMEOUT", 6)
    with socket.socket() as drip:
        drip.bind(("127.0.0.1", 0))
        drip.listen()
        threading.Thread(target=_drip, args=(drip,), daemon=True).start()
        address = f"http://127.0.0.1:{drip.getsockname()[1]}"
        told = record_run(_experiment(address), experiment, ["train"])
    assert "not finished after 6 s" in told


def _drip(server: socket.socket) -> None:
    """A byte a second: no single wait is ever too long."""
    taken, _ = server.accept()
    taken.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n")
    for _ in range(60):
        try:
            taken.sendall(b" ")
        except OSError:
            return
        time.sleep(1)


@pytest.mark.parametrize("address", ["file:///x", "127.0.0.1:5000", "http://", ""])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(ValueError, match="http://HOST:PORT"):
        _experiment(address)
